import type { Bytes, Reply } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import {
  CommandError,
  formatFloat,
  readCount,
  readFloat,
  refusal,
  wrongArity,
} from "./arguments.ts";
import { drawDistinct, drawRepeated, readDraw, readPopCount, scanReply } from "./options.ts";
import {
  requireBounds,
  sliceSpan,
  type Span,
  spanByLex,
  spanByRank,
  spanByScore,
} from "./sorted_set_ranges.ts";
import { type Ranked, type SortedSet, withScores } from "./sorted_set.ts";

/** Sorted sets: members by score. */
export const sortedSetCommands: CommandTable = {
  ZADD: writes(-4, addScored),
  ZINCRBY: writes(4, incrementScore),
  ZREM: writes(-3, remove),
  ZSCORE: reads(3, (context, args) => score(sorted(context, args), at(args, 1))),
  ZMSCORE: reads(-3, scores),
  ZCARD: reads(2, (context, args) => sorted(context, args)?.size ?? 0),
  ZCOUNT: reads(4, (context, args) => countSpan(context, args, "score")),
  ZLEXCOUNT: reads(4, (context, args) => countSpan(context, args, "lex")),
  ZRANK: reads(-3, (context, args, name) => rank(context, args, name)),
  ZREVRANK: reads(-3, (context, args, name) => rank(context, args, name)),
  ZREMRANGEBYRANK: writes(4, removeByRank),
  ZREMRANGEBYSCORE: writes(4, (context, args) => removeBy(context, args, "score")),
  ZREMRANGEBYLEX: writes(4, (context, args) => removeBy(context, args, "lex")),
  ZPOPMIN: writes(-2, pop),
  ZPOPMAX: writes(-2, pop),
  ZRANDMEMBER: reads(-2, draw),
  ZSCAN: reads(
    -3,
    (context, args) => scanReply(args, (sorted(context, args)?.ranking ?? []).map(toWords)),
  ),
};

function sorted({ keys }: Context, args: readonly Bytes[]): SortedSet | undefined {
  return keys.read(at(args, 0), "zset");
}

function toWords({ member, score }: Ranked): [Bytes, Bytes] {
  return [member, formatFloat(score)];
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

const flagNames = ["NX", "XX", "GT", "LT", "CH", "INCR"] as const;
type Flag = typeof flagNames[number];
type Outcome = "added" | "updated" | "unchanged" | "refused";

/** Runs ZADD with its flags. */
function addScored(context: Context, args: readonly Bytes[]): Reply {
  const { flags, pairs } = readArguments(args.slice(1));
  const key = at(args, 0);
  context.keys.read(key, "zset");
  const set = context.keys.open(key, "zset");
  try {
    if (flags.has("INCR")) return increment(set, flags, pairs);
    const outcomes = pairs.map(([score, member]) => place(set, flags, member, score));
    const added = outcomes.filter((outcome) => outcome === "added").length;
    const updated = outcomes.filter((outcome) => outcome === "updated").length;
    return flags.has("CH") ? added + updated : added;
  } finally {
    context.keys.tidy(key);
  }
}

/** Runs ZINCRBY. */
function incrementScore(context: Context, args: readonly Bytes[]): Reply {
  const step = readFloat(at(args, 1));
  const key = at(args, 0);
  const set = context.keys.open(key, "zset");
  try {
    return increment(set, new Set(), [[step, at(args, 2)]]);
  } finally {
    context.keys.tidy(key);
  }
}

function readArguments(words: readonly Bytes[]): {
  flags: ReadonlySet<Flag>;
  pairs: (readonly [number, Bytes])[];
} {
  const flags = new Set<Flag>();
  let start = 0;
  for (; start < words.length; start++) {
    const flag = flagNames.find((name) => name === words[start]?.toUpperCase());
    if (!flag) break;
    flags.add(flag);
  }
  const rest = words.slice(start);
  if (rest.length === 0 || rest.length % 2 !== 0) throw refusal("syntax");
  requireCompatible(flags, rest.length / 2);
  const pairs = Array.from({ length: rest.length / 2 }, (_pair, index) => {
    return [readFloat(at(rest, index * 2)), at(rest, index * 2 + 1)] as const;
  });
  return { flags, pairs };
}

function requireCompatible(flags: ReadonlySet<Flag>, pairs: number): void {
  if (flags.has("NX") && flags.has("XX")) {
    throw new CommandError("ERR XX and NX options at the same time are not compatible");
  }
  const bounds = [flags.has("GT"), flags.has("LT"), flags.has("NX")].filter(Boolean).length;
  if (bounds > 1) {
    throw new CommandError("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (flags.has("INCR") && pairs > 1) {
    throw new CommandError("ERR INCR option supports a single increment-element pair");
  }
}

function increment(
  set: SortedSet,
  flags: ReadonlySet<Flag>,
  [pair]: readonly (readonly [number, Bytes])[],
): Reply {
  if (!pair) throw refusal("syntax");
  const [step, member] = pair;
  const current = set.score(member);
  if (current !== undefined && flags.has("NX")) return null;
  const score = (current ?? 0) + step;
  if (Number.isNaN(score)) throw new CommandError("ERR resulting score is not a number (NaN)");
  return place(set, flags, member, score) === "refused" ? null : formatFloat(score);
}

function place(set: SortedSet, flags: ReadonlySet<Flag>, member: Bytes, score: number): Outcome {
  const current = set.score(member);
  if (current === undefined) {
    if (flags.has("XX")) return "refused";
    set.set(member, score);
    return "added";
  }
  if (flags.has("NX")) return "refused";
  if ((flags.has("GT") && score <= current) || (flags.has("LT") && score >= current)) {
    return "refused";
  }
  if (score === current) return "unchanged";
  set.set(member, score);
  return "updated";
}
