/** A member with the text of its value, comment included, and the comment lines above it. */
export interface TomlEntry {
  readonly key: string;
  readonly value: string;
  readonly comments: readonly string[];
}

/** A table as it is written; the first of a file has no header. */
export interface TomlTable {
  readonly name: string;
  readonly header: string;
  readonly isArray: boolean;
  readonly comments: readonly string[];
  readonly entries: readonly TomlEntry[];
}

const word = `(?:[\\w-]+|"[^"\\\\\\n]*"|'[^'\\n]*')`;
const words = `(${word}(?:[ \\t]*\\.[ \\t]*${word})*)`;
const space = /[ \t]*/y;
const keyOf = new RegExp(`${words}[ \\t]*=[ \\t]*`, "y");
const headerOf = new RegExp(
  `(\\[\\[?)[ \\t]*${words}[ \\t]*(\\]\\]?)[ \\t]*(?:#[^\\n]*)?(?=\\n|$)`,
  "y",
);
const lineOf = /[^\n]*/y;
const tokenOf =
  /("""(?:[^\\]|\\[^])*?"{3,5}|'''[^]*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')|(#[^\n]*)|([[{])|([\]}])|\n|[^"'#[\]{}\n]+/y;
const bare = /^(?:true|false|[+-]?(?:inf|nan|\d[\w.:+ -]*))$/;

/**
 * Splits a TOML file into its tables and members, each with its own text, so that it can be written
 * again unchanged. What follows the last member is in `rest`.
 *
 * @throws {SyntaxError} naming the member or line that is not understood, or stands there twice
 */
export function readToml(
  source: string,
): { readonly tables: readonly TomlTable[]; readonly rest: readonly string[] } {
  const text = source.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  let entries: TomlEntry[] = [];
  const tables: TomlTable[] = [{ name: "", header: "", isArray: false, comments: [], entries }];
  let comments: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    at += match(space, text, at)?.[0].length ?? 0;
    const line = match(lineOf, text, at)?.[0] ?? "";
    const header = match(headerOf, text, at);
    const key = match(keyOf, text, at);
    if (line === "" || line.startsWith("#")) {
      if (line !== "") comments.push(line.trimEnd());
      at += line.length;
    } else if (header && header[1]?.length === header[3]?.length) {
      const [name, isArray] = [toName(header[2] ?? ""), header[1] === "[["];
      if (tables.some((one) => one.name === name && !(isArray && one.isArray))) {
        throw new SyntaxError(`${name}: the table stands there twice`);
      }
      entries = [];
      tables.push({ name, header: line.trimEnd(), isArray, comments, entries });
      comments = [];
      at += line.length;
    } else if (key) {
      const name = toName(key[1] ?? "");
      const value = readValue(text, at + key[0].length);
      if (value === undefined) throw new SyntaxError(`${name}: the value is not understood`);
      if (entries.some((one) => one.key === name)) {
        throw new SyntaxError(`${name}: the member stands there twice`);
      }
      entries.push({ key: name, value: value.trimEnd(), comments });
      comments = [];
      at += key[0].length + value.length;
    } else throw new SyntaxError(`the line \`${line}\` is not understood`);
  }
  return { tables, rest: comments };
}

/** The text of a value up to the end of its last line; undefined for none, or more than one. */
function readValue(text: string, start: number): string | undefined {
  let [at, depth, parts] = [start, 0, 0];
  while (at < text.length) {
    const token = match(tokenOf, text, at);
    if (!token) return undefined;
    const [all, string, comment, open, close] = token;
    if (all === "\n" && depth === 0) break;
    const plain = string ?? comment ?? open ?? close ?? all.trim();
    if (depth === 0 && comment === undefined && plain !== "") {
      if (!string && !open && !bare.test(plain)) return undefined;
      parts += 1;
    }
    depth += open ? 1 : close ? -1 : 0;
    at += all.length;
  }
  return depth === 0 && parts === 1 ? text.slice(start, at) : undefined;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Without quotes and spaces that make no difference. */
function toName(written: string): string {
  return written.replace(/"[^"]*"|'[^']*'|[ \t]+/g, (part) => {
    const inner = part.slice(1, -1);
    return part.trim() === "" ? "" : /^[\w-]+$/.test(inner) ? inner : part;
  });
}

/** The text of a simple string, without its quotes and comment; undefined for another value. */
export function textOf({ entries }: TomlTable, key: string): string | undefined {
  const { value = "" } = entries.find((one) => one.key === key) ?? {};
  const [, double, single] = /^(?:"([^"\\]*)"|'([^']*)')[ \t]*(?:#.*)?$/.exec(value) ?? [];
  return double ?? single;
}

/** The file again, with one empty line between tables. */
export function writeToml(tables: readonly TomlTable[], rest: readonly string[]): string {
  const parts = tables.map(({ header, comments, entries }) =>
    [
      ...comments,
      ...(header === "" ? [] : [header]),
      ...entries.flatMap((one) => [...one.comments, `${one.key} = ${one.value}`]),
    ].join("\n")
  );
  return [...parts, rest.join("\n")].filter((part) => part !== "").join("\n\n") + "\n";
}
