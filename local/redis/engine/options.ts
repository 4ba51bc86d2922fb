import type { Bytes, Reply } from "../protocol.ts";
import { at } from "./command.ts";
import { CommandError, readCount, readPositive, refusal } from "./arguments.ts";

export interface ScanOptions {
  readonly matches: (text: Bytes) => boolean;
  readonly count: number;
  readonly type?: string;
}

/** Reads a cursor, which Redis takes to be an unsigned decimal number. */
export function readCursor(text: Bytes): number {
  if (!/^\d{1,20}$/.test(text)) throw refusal("invalidCursor");
  return Number(text);
}

/** Reads the options after the cursor of SCAN, HSCAN, SSCAN and ZSCAN; only SCAN has TYPE. */
export function readScanOptions(
  words: readonly Bytes[],
  { allowType = false }: { allowType?: boolean } = {},
): ScanOptions {
  let options: ScanOptions = { matches: () => true, count: 10 };
  for (let index = 0; index < words.length; index += 2) {
    const value = words[index + 1];
    const word = at(words, index).toUpperCase();
    if (value === undefined) throw refusal("syntax");
    if (word === "MATCH") options = { ...options, matches: compileGlob(value) };
    else if (word === "COUNT") options = { ...options, count: readScanCount(value) };
    else if (word === "TYPE" && allowType) options = { ...options, type: value.toLowerCase() };
    else throw refusal("syntax");
  }
  return options;
}

/**
 * Replies to a scan of one collection with all of it and the closing cursor. That fulfils SCAN's
 * guarantee (every element that stays there is returned) whatever changes between calls; COUNT is
 * only a hint.
 */
export function scanReply(
  args: readonly Bytes[],
  items: Iterable<readonly [Bytes, ...Bytes[]]>,
): Reply {
  readCursor(at(args, 1));
  const { matches } = readScanOptions(args.slice(2));
  const found: Bytes[] = [];
  for (const item of items) {
    if (matches(item[0])) found.push(...item);
  }
  return ["0", found];
}

function readScanCount(text: Bytes): number {
  const count = readCount(text);
  if (count < 1) throw refusal("syntax");
  return count;
}

const maxRepeats = 1_000_000;

/** Reads the count of the RAND commands: negative means that the same item may come again. */
export function readDraw(text: Bytes): { count: number; repeats: boolean } {
  const count = readCount(text);
  if (count < -maxRepeats) throw new CommandError("ERR value is out of range");
  return { count: Math.abs(count), repeats: count < 0 };
}

/** Reads the count of the POP commands. */
export function readPopCount(text: Bytes | undefined): number {
  return text === undefined ? 1 : readPositive(text);
}

/** Draws at most `count` different items, in their order (Floyd's sampling). */
export function drawDistinct<T>(items: readonly T[], count: number, random: () => number): T[] {
  if (count >= items.length) return [...items];
  const chosen = new Set<number>();
  for (let top = items.length - count; top < items.length; top++) {
    const index = Math.floor(random() * (top + 1));
    chosen.add(chosen.has(index) ? top : index);
  }
  return items.filter((_item, index) => chosen.has(index));
}

/** Draws exactly `count` items, each from all of them; none if there are none. */
export function drawRepeated<T>(items: readonly T[], count: number, random: () => number): T[] {
  if (items.length === 0) return [];
  return Array.from({ length: count }).flatMap(() => {
    const start = Math.floor(random() * items.length);
    return items.slice(start, start + 1);
  });
}

type Token = "star" | ((character: string) => boolean);

/**
 * Compiles a Redis pattern: `*`, `?`, `[a-c]`, `[^x]`, `\` before a literal.
 *
 * Only the last star is ever retried, so matching costs pattern × text at worst. A backtracking
 * regular expression would let one pattern hang the process.
 */
export function compileGlob(pattern: Bytes): (text: Bytes) => boolean {
  const tokens = tokenize(pattern);
  return (text) => matches(tokens, text);
}

function matches(tokens: readonly Token[], text: Bytes): boolean {
  let [token, position] = [0, 0];
  let [starToken, starPosition] = [-1, -1];
  while (position < text.length) {
    const current = tokens[token];
    if (current === "star") {
      starToken = token++;
      starPosition = position;
    } else if (current?.(text.charAt(position))) {
      token++;
      position++;
    } else if (starToken >= 0) {
      token = starToken + 1;
      position = ++starPosition;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === "star");
}

function tokenize(pattern: Bytes): Token[] {
  const tokens: Token[] = [];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === "*") tokens.push("star");
    else if (character === "?") tokens.push(() => true);
    else if (character === "[") {
      const { token, end } = readClass(pattern, index + 1);
      tokens.push(token);
      index = end;
    } else {
      const escaped = character === "\\" && index + 1 < pattern.length;
      const literal = escaped ? pattern.charAt(++index) : character;
      tokens.push((candidate) => candidate === literal);
    }
  }
  return tokens;
}

function readClass(pattern: Bytes, start: number): { token: Token; end: number } {
  const negated = pattern.charAt(start) === "^";
  const ranges: [string, string][] = [];
  let index = negated ? start + 1 : start;
  for (; index < pattern.length && pattern.charAt(index) !== "]"; index++) {
    if (pattern.charAt(index) === "\\" && index + 1 < pattern.length) index++;
    else if (pattern.charAt(index + 1) === "-" && index + 2 < pattern.length) {
      const bounds = [pattern.charAt(index), pattern.charAt(index + 2)].sort();
      ranges.push([bounds[0] ?? "", bounds[1] ?? ""]);
      index += 2;
      continue;
    }
    ranges.push([pattern.charAt(index), pattern.charAt(index)]);
  }
  const token = (character: string) =>
    ranges.some(([low, high]) => character >= low && character <= high) !== negated;
  return { token, end: index };
}
