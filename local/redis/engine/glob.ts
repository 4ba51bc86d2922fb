import type { Bytes } from "../bytes.ts";

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
