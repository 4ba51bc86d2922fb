import type { Bytes } from "../bytes.ts";
import type { Reply } from "../reply.ts";
import { at, type CommandTable, type Context } from "./command.ts";
import { CommandError, refusal } from "./errors.ts";
import { readCount } from "./numbers.ts";
import { requireBounds, sliceSpan, spanByLex, spanByRank, spanByScore } from "./score_ranges.ts";
import { createSortedSet, type Ranked, type SortedSet } from "./sorted_set.ts";
import { withScores } from "./sorted_sets.ts";

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
  ZRANGE: { arity: -4, run: (context, args) => range(context, args, readOptions(args.slice(3))) },
  ZRANGESTORE: { arity: -5, writes: true, run: storeRange },
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
