import type { Bytes } from "../bytes.ts";
import type { Reply } from "../reply.ts";
import { at, type Context } from "./command.ts";
import { CommandError, refusal } from "./errors.ts";
import { formatFloat, readFloat } from "./numbers.ts";
import type { SortedSet } from "./sorted_set.ts";

const flagNames = ["NX", "XX", "GT", "LT", "CH", "INCR"] as const;
type Flag = typeof flagNames[number];
type Outcome = "added" | "updated" | "unchanged" | "refused";

/** Runs ZADD with its flags. */
export function addScored(context: Context, args: readonly Bytes[]): Reply {
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
export function incrementScore(context: Context, args: readonly Bytes[]): Reply {
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

function place(
  set: SortedSet,
  flags: ReadonlySet<Flag>,
  member: Bytes,
  score: number,
): Outcome {
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
