import type { Bytes } from "../bytes.ts";
import type { Reply } from "../reply.ts";
import { at, type CommandTable, type Context } from "./command.ts";
import { refusal, wrongArity } from "./errors.ts";
import { formatFloat, readCount } from "./numbers.ts";
import { drawDistinct, drawRepeated, readDraw, readPopCount } from "./random_draw.ts";
import { scanReply } from "./scan_options.ts";
import {
  requireBounds,
  sliceSpan,
  type Span,
  spanByLex,
  spanByRank,
  spanByScore,
} from "./score_ranges.ts";
import type { Ranked, SortedSet } from "./sorted_set.ts";
import { addScored, incrementScore } from "./sorted_set_add.ts";

/** Sorted sets: members by score. */
export const sortedSetCommands: CommandTable = {
  ZADD: { arity: -4, writes: true, run: addScored },
  ZINCRBY: { arity: 4, writes: true, run: incrementScore },
  ZREM: { arity: -3, writes: true, run: remove },
  ZSCORE: { arity: 3, run: (context, args) => score(sorted(context, args), at(args, 1)) },
  ZMSCORE: { arity: -3, run: scores },
  ZCARD: { arity: 2, run: (context, args) => sorted(context, args)?.size ?? 0 },
  ZCOUNT: { arity: 4, run: (context, args) => countSpan(context, args, "score") },
  ZLEXCOUNT: { arity: 4, run: (context, args) => countSpan(context, args, "lex") },
  ZRANK: { arity: -3, run: (context, args, name) => rank(context, args, name) },
  ZREVRANK: { arity: -3, run: (context, args, name) => rank(context, args, name) },
  ZREMRANGEBYRANK: { arity: 4, writes: true, run: removeByRank },
  ZREMRANGEBYSCORE: {
    arity: 4,
    writes: true,
    run: (context, args) => removeBy(context, args, "score"),
  },
  ZREMRANGEBYLEX: {
    arity: 4,
    writes: true,
    run: (context, args) => removeBy(context, args, "lex"),
  },
  ZPOPMIN: { arity: -2, writes: true, run: pop },
  ZPOPMAX: { arity: -2, writes: true, run: pop },
  ZRANDMEMBER: { arity: -2, run: draw },
  ZSCAN: {
    arity: -3,
    run: (context, args) =>
      scanReply(
        args,
        (sorted(context, args)?.ranking ?? []).map(({ member, score }) =>
          [member, formatFloat(score)] as const
        ),
      ),
  },
};

function sorted({ keys }: Context, args: readonly Bytes[]): SortedSet | undefined {
  return keys.read(at(args, 0), "zset");
}

function score(set: SortedSet | undefined, member: Bytes): Reply {
  const found = set?.score(member);
  return found === undefined ? null : formatFloat(found);
}

function scores(context: Context, args: readonly Bytes[]): Reply {
  const set = sorted(context, args);
  return args.slice(1).map((member) => score(set, member));
}

function remove(context: Context, args: readonly Bytes[]): Reply {
  const set = sorted(context, args);
  const removed = args.slice(1).filter((member) => set?.delete(member)).length;
  context.keys.tidy(at(args, 0));
  return removed;
}

function spanBy(set: SortedSet, args: readonly Bytes[], by: "score" | "lex"): Span {
  return (by === "score" ? spanByScore : spanByLex)(set, at(args, 1), at(args, 2));
}

function countSpan(context: Context, args: readonly Bytes[], by: "score" | "lex"): Reply {
  requireBounds(by, at(args, 1), at(args, 2));
  const set = sorted(context, args);
  return set ? sliceSpan(set, spanBy(set, args, by)).length : 0;
}

function rank(context: Context, args: readonly Bytes[], name: string): Reply {
  if (args.length > 2) throw wrongArity(name);
  const set = sorted(context, args);
  const position = set?.rank(at(args, 1));
  if (!set || position === undefined) return null;
  return name === "ZREVRANK" ? set.size - 1 - position : position;
}

function removeByRank(context: Context, args: readonly Bytes[]): Reply {
  const [start, stop] = [readCount(at(args, 1)), readCount(at(args, 2))];
  return removeSpan(context, args, (set) => spanByRank(set, start, stop));
}

function removeBy(context: Context, args: readonly Bytes[], by: "score" | "lex"): Reply {
  requireBounds(by, at(args, 1), at(args, 2));
  return removeSpan(context, args, (set) => spanBy(set, args, by));
}

function removeSpan(
  context: Context,
  args: readonly Bytes[],
  find: (set: SortedSet) => Span,
): Reply {
  const set = sorted(context, args);
  if (!set) return 0;
  const removed = sliceSpan(set, find(set));
  for (const { member } of removed) set.delete(member);
  context.keys.tidy(at(args, 0));
  return removed.length;
}

function pop(context: Context, args: readonly Bytes[], name: string): Reply {
  if (args.length > 2) throw refusal("syntax");
  const count = readPopCount(args[1]);
  const set = sorted(context, args);
  if (!set) return [];
  const chosen = name === "ZPOPMIN"
    ? set.ranking.slice(0, count)
    : set.ranking.slice(Math.max(set.size - count, 0)).reverse();
  for (const { member } of chosen) set.delete(member);
  context.keys.tidy(at(args, 0));
  return withScores(chosen);
}

function draw(context: Context, args: readonly Bytes[]): Reply {
  const set = sorted(context, args);
  const [countText, mode] = [args[1], args[2]?.toUpperCase()];
  if (args.length > 3 || (mode !== undefined && mode !== "WITHSCORES")) throw refusal("syntax");
  const all = set?.ranking ?? [];
  if (countText === undefined) return drawRepeated(all, 1, context.random)[0]?.member ?? null;
  const { count, repeats } = readDraw(countText);
  const drawn = (repeats ? drawRepeated : drawDistinct)(all, count, context.random);
  return mode === undefined ? drawn.map(({ member }) => member) : withScores(drawn);
}

/** Members and scores in turns. */
export function withScores(items: readonly Ranked[]): Bytes[] {
  return items.flatMap(({ member, score }) => [member, formatFloat(score)]);
}
