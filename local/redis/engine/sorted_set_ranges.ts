import type { Bytes, Reply } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import { CommandError, readCount, readFloat, refusal, resolveRange } from "./arguments.ts";
import {
  createSortedSet,
  lowerBound,
  type Ranked,
  type SortedSet,
  withScores,
} from "./sorted_set.ts";

type By = "rank" | "score" | "lex";

interface Query {
  readonly by: By;
  readonly reversed: boolean;
  readonly withScores: boolean;
  readonly limit?: { readonly offset: number; readonly count: number };
}

/** What the older commands fix and ZRANGE takes as options. */
const fixed = {
  ZRANGEBYSCORE: { by: "score", reversed: false },
  ZREVRANGEBYSCORE: { by: "score", reversed: true },
  ZRANGEBYLEX: { by: "lex", reversed: false },
  ZREVRANGEBYLEX: { by: "lex", reversed: true },
  ZREVRANGE: { by: "rank", reversed: true },
} as const satisfies Record<string, { by: By; reversed: boolean }>;

/** Ranges of sorted sets, by rank, score or bytes. */
export const sortedSetRangeCommands: CommandTable = {
  ZRANGE: reads(-4, (context, args) => range(context, args, readOptions(args.slice(3)))),
  ZRANGESTORE: writes(-5, storeRange),
  ...Object.fromEntries(
    Object.entries(fixed).map(([name, { by, reversed }]) => [name, {
      arity: -4,
      run: (context: Context, args: readonly Bytes[]) => {
        const start: Query = { by, reversed, withScores: false };
        return range(context, args, readOptions(args.slice(3), start));
      },
    }]),
  ),
};

/** Without `start` these are ZRANGE's options, else those that an older command has. */
function readOptions(words: readonly Bytes[], start?: Query): Query {
  let query: Query = start ?? { by: "rank", reversed: false, withScores: false };
  for (let index = 0; index < words.length; index++) {
    const word = at(words, index).toUpperCase();
    if (word === "WITHSCORES") query = { ...query, withScores: true };
    else if (word === "LIMIT" && index + 2 < words.length) {
      const [offset, count] = [readCount(at(words, ++index)), readCount(at(words, ++index))];
      query = { ...query, limit: { offset, count } };
    } else if (!start && word === "REV") query = { ...query, reversed: true };
    else if (!start && word === "BYSCORE") query = { ...query, by: "score" };
    else if (!start && word === "BYLEX") query = { ...query, by: "lex" };
    else throw refusal("syntax");
  }
  requireConsistent(query);
  return query;
}

function requireConsistent({ by, limit, withScores }: Query): void {
  if (limit && by === "rank") {
    throw new CommandError(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
  }
  if (withScores && by === "lex") {
    throw new CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
}

function range({ keys }: Context, args: readonly Bytes[], query: Query): Reply {
  const found = select(() => keys.read(at(args, 0), "zset"), at(args, 1), at(args, 2), query);
  return query.withScores ? withScores(found) : found.map(({ member }) => member);
}

/** Bounds are read before the key: an invalid bound is refused even for a missing key. */
function select(
  find: () => SortedSet | undefined,
  first: Bytes,
  second: Bytes,
  { by, reversed, limit }: Query,
): readonly Ranked[] {
  if (by === "rank") {
    const [start, stop] = [readCount(first), readCount(second)];
    const set = find();
    return set ? inOrder(sliceSpan(set, spanByRank(set, start, stop, reversed)), reversed) : [];
  }
  const [min, max] = reversed ? [second, first] : [first, second];
  requireBounds(by, min, max);
  const set = find();
  if (!set) return [];
  const span = (by === "score" ? spanByScore : spanByLex)(set, min, max);
  return cut(inOrder(sliceSpan(set, span), reversed), limit);
}

function inOrder(items: readonly Ranked[], reversed: boolean): readonly Ranked[] {
  return reversed ? [...items].reverse() : items;
}

function cut(items: readonly Ranked[], limit: Query["limit"]): readonly Ranked[] {
  if (!limit) return items;
  const { offset, count } = limit;
  if (offset < 0) return [];
  return items.slice(offset, count < 0 ? undefined : offset + count);
}

function storeRange({ keys }: Context, args: readonly Bytes[]): Reply {
  const query = readOptions(args.slice(4));
  if (query.withScores) throw refusal("syntax");
  const found = select(() => keys.read(at(args, 1), "zset"), at(args, 2), at(args, 3), query);
  keys.remove(at(args, 0));
  const set = createSortedSet();
  for (const { member, score } of found) set.set(member, score);
  if (set.size > 0) keys.put(at(args, 0), "zset", set);
  return set.size;
}

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
