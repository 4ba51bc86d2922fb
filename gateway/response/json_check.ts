/** Checks a JSON text (RFC 8259) that arrives in parts, without storing it. */
export interface JsonCheck {
  /** Takes the next bytes; false once no JSON text in UTF-8 can begin with the bytes so far. */
  take(bytes: Uint8Array): boolean;
  /** Whether the bytes so far are one complete JSON text. */
  isComplete(): boolean;
}

/** Deeper text is refused: the memory for an upstream's response must have a limit. */
const maxDepth = 65_536;

/** `key` and `text` are inside of quotes, of a member's name and of a value. */
const plainStates = ["refused", "value", "item", "name", "next name", "colon", "after"] as const;
const quotedStates = [
  ...["", " escape", " hex4", " hex3", " hex2", " hex1"],
  ...[" 3 more", " 2 more", " 1 more", " after E0", " after ED", " after F0", " after F4"],
];
const numberStates = ["minus", "zero", "whole", "point", "fraction", "e", "sign", "power"] as const;
const literals = ["true", "false", "null"] as const;

/** Actions of a byte beside the change of state; their numbers are above those of all states. */
const [openObject, openArray, closeObject, closeArray, comma] = [250, 251, 252, 253, 254] as const;

const states: readonly string[] = [
  ...plainStates,
  ...quotedStates.flatMap((state) => [`key${state}`, `text${state}`]),
  ...numberStates,
  ...literals.flatMap((word) => Array.from(word.slice(1), (_, at) => word.slice(0, at + 1))),
];
const numberOf = (state: string): number => states.indexOf(state);

const [value, item, name, nextName, after] = ["value", "item", "name", "next name", "after"].map(
  numberOf,
) as [number, number, number, number, number]; // One for each name.
const refused = 0;

const table = createTable();
/** States in which a text may end; a number at the top level ends only with the text. */
const ends: ReadonlySet<number> = new Set(
  ["after", "zero", "whole", "fraction", "power"].map(numberOf),
);

/** Makes the check of one text. */
export function createJsonCheck(): JsonCheck {
  let state = value;
  let depth = 0;
  /** Whether each level is an object. */
  let levels = new Uint8Array(64);

  function open(isObject: boolean): number {
    if (depth === maxDepth) return refused;
    if (depth === levels.length) {
      const more = new Uint8Array(2 * depth);
      more.set(levels);
      levels = more;
    }
    levels[depth++] = Number(isObject);
    return isObject ? name : item;
  }

  function close(isObject: boolean): number {
    if (depth === 0 || levels[depth - 1] !== Number(isObject)) return refused;
    depth--;
    return after;
  }

  function act(action: number): number {
    if (action === openObject || action === openArray) return open(action === openObject);
    if (action === closeObject || action === closeArray) return close(action === closeObject);
    if (depth === 0) return refused;
    return levels[depth - 1] === 1 ? nextName : value;
  }

  return {
    take(bytes) {
      state = run(bytes, state, act);
      return state !== refused;
    },
    isComplete: () => depth === 0 && ends.has(state),
  };
}

/** By index and without closure variables: this loop runs for each byte of each large response. */
function run(bytes: Uint8Array, from: number, act: (action: number) => number): number {
  const { length } = bytes;
  let state = from;
  for (let at = 0; at < length; at++) {
    const next = table[(state << 8) | bytes[at]!]!; // Both indexes are within the table.
    state = next < openObject ? next : act(next);
  }
  return state;
}

/** The next state for each byte in each state; 0 is `refused`. */
function createTable(): Uint8Array {
  const made = new Uint8Array(states.length << 8);
  const on = (state: string, chars: string, to: string | number): void => {
    const next = typeof to === "number" ? to : numberOf(to);
    for (const char of chars) made[(numberOf(state) << 8) | char.charCodeAt(0)] = next;
  };
  for (const state of ["value", "item", "name", "next name", "colon", "after"]) {
    on(state, " \t\n\r", state);
  }
  for (const state of ["value", "item"]) addValues(on, state);
  on("item", "]", closeArray);
  for (const state of ["name", "next name"]) on(state, '"', "key");
  on("name", "}", closeObject);
  on("colon", ":", "value");
  addEnds(on, "after");
  for (const [quoted, to] of [["key", "colon"], ["text", "after"]] as const) {
    made.fill(numberOf(quoted), (numberOf(quoted) << 8) | 0x20, (numberOf(quoted) << 8) | 0x80);
    addQuoted(on, quoted, to);
    addUtf8(on, quoted);
  }
  addNumbers(on);
  for (const word of literals) {
    for (let at = 1; at < word.length; at++) {
      on(
        word.slice(0, at),
        word.charAt(at),
        at === word.length - 1 ? "after" : word.slice(0, at + 1),
      );
    }
  }
  return made;
}

type On = (state: string, chars: string, to: string | number) => void;

function addValues(on: On, state: string): void {
  on(state, "{", openObject);
  on(state, "[", openArray);
  on(state, '"', "text");
  on(state, "-", "minus");
  on(state, "0", "zero");
  on(state, "123456789", "whole");
  for (const word of literals) on(state, word.charAt(0), word.charAt(0));
}

/** What may follow a value. */
function addEnds(on: On, state: string): void {
  on(state, " \t\n\r", "after");
  on(state, ",", comma);
  on(state, "}", closeObject);
  on(state, "]", closeArray);
}

function addQuoted(on: On, quoted: string, to: string): void {
  on(quoted, '"', to);
  on(quoted, "\\", `${quoted} escape`);
  on(`${quoted} escape`, '"\\/bfnrt', quoted);
  on(`${quoted} escape`, "u", `${quoted} hex4`);
  for (const left of [4, 3, 2, 1]) {
    on(
      `${quoted} hex${left}`,
      "0123456789abcdefABCDEF",
      left === 1 ? quoted : `${quoted} hex${left - 1}`,
    );
  }
}

/** Well-formed sequences only (Unicode 16, table 3-7): no surrogates, no overlong forms. */
function addUtf8(on: On, quoted: string): void {
  on(quoted, bytes(0xc2, 0xdf), `${quoted} 1 more`);
  on(quoted, bytes(0xe1, 0xec) + bytes(0xee, 0xef), `${quoted} 2 more`);
  on(quoted, bytes(0xf1, 0xf3), `${quoted} 3 more`);
  for (const first of ["E0", "ED", "F0", "F4"]) {
    on(quoted, String.fromCharCode(Number.parseInt(first, 16)), `${quoted} after ${first}`);
  }
  on(`${quoted} after E0`, bytes(0xa0, 0xbf), `${quoted} 1 more`);
  on(`${quoted} after ED`, bytes(0x80, 0x9f), `${quoted} 1 more`);
  on(`${quoted} after F0`, bytes(0x90, 0xbf), `${quoted} 2 more`);
  on(`${quoted} after F4`, bytes(0x80, 0x8f), `${quoted} 2 more`);
  on(`${quoted} 3 more`, bytes(0x80, 0xbf), `${quoted} 2 more`);
  on(`${quoted} 2 more`, bytes(0x80, 0xbf), `${quoted} 1 more`);
  on(`${quoted} 1 more`, bytes(0x80, 0xbf), quoted);
}

/** Each byte of a range, as a character. */
function bytes(from: number, to: number): string {
  return String.fromCharCode(...Array.from({ length: to - from + 1 }, (_, at) => from + at));
}

function addNumbers(on: On): void {
  const digits = "0123456789";
  for (const state of ["zero", "whole", "fraction", "power"]) addEnds(on, state);
  on("minus", "0", "zero");
  on("minus", "123456789", "whole");
  on("whole", digits, "whole");
  for (const state of ["zero", "whole"]) on(state, ".", "point");
  for (const state of ["point", "fraction"]) on(state, digits, "fraction");
  for (const state of ["zero", "whole", "fraction"]) on(state, "eE", "e");
  on("e", "+-", "sign");
  for (const state of ["e", "sign", "power"]) on(state, digits, "power");
}
