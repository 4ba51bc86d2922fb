import type { Bytes } from "../bytes.ts";
import { CommandError } from "./errors.ts";
import { readFloat, resolveRange } from "./numbers.ts";
import { lowerBound, type Ranked, type SortedSet } from "./sorted_set.ts";

/** Half-open positions in a ranking. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const badScore = "ERR min or max is not a float";
const badLex = "ERR min or max not valid string range item";

/** Finds the members with scores from `min` to `max`; `(` excludes a bound. */
export function spanByScore({ ranking }: SortedSet, min: Bytes, max: Bytes): Span {
  const [low, high] = [readScoreBound(min), readScoreBound(max)];
  return {
    from: lowerBound(
      ranking,
      ({ score }) => low.exclusive ? score <= low.score : score < low.score,
    ),
    to: lowerBound(
      ranking,
      ({ score }) => high.exclusive ? score < high.score : score <= high.score,
    ),
  };
}

/** Finds the members from `min` to `max` by their bytes; meaningful where all scores are equal. */
export function spanByLex({ ranking }: SortedSet, min: Bytes, max: Bytes): Span {
  const [low, high] = [readLexBound(min), readLexBound(max)];
  return {
    from: lowerBound(ranking, ({ member }) => low.isAbove(member)),
    to: lowerBound(ranking, ({ member }) => !high.isBelow(member)),
  };
}

/** Finds the members at positions `start` to `stop`, counted from the end where `reversed`. */
export function spanByRank(
  { size }: SortedSet,
  start: number,
  stop: number,
  reversed = false,
): Span {
  const { from, to } = resolveRange(start, stop, size);
  return reversed ? { from: size - to, to: size - from } : { from, to };
}

/** The members of a span of a ranking. */
export function sliceSpan({ ranking }: SortedSet, { from, to }: Span): readonly Ranked[] {
  return ranking.slice(from, Math.max(from, to));
}

/** Checks bounds that are not used, as Redis does before it reads the key. */
export function requireBounds(by: "score" | "lex", min: Bytes, max: Bytes): void {
  const read = by === "score" ? readScoreBound : readLexBound;
  read(min);
  read(max);
}

function readScoreBound(text: Bytes): { score: number; exclusive: boolean } {
  const exclusive = text.startsWith("(");
  return { score: readFloat(exclusive ? text.slice(1) : text, badScore), exclusive };
}

interface LexBound {
  /** The bound, as lower one, lies above the member and so excludes it. */
  readonly isAbove: (member: Bytes) => boolean;
  /** The bound, as upper one, lies below the member and so excludes it. */
  readonly isBelow: (member: Bytes) => boolean;
}

function readLexBound(text: Bytes): LexBound {
  if (text === "-") return { isAbove: () => false, isBelow: () => true };
  if (text === "+") return { isAbove: () => true, isBelow: () => false };
  const bound = text.slice(1);
  if (text.startsWith("[")) {
    return { isAbove: (member) => member < bound, isBelow: (member) => member > bound };
  }
  if (text.startsWith("(")) {
    return { isAbove: (member) => member <= bound, isBelow: (member) => member >= bound };
  }
  throw new CommandError(badLex);
}
