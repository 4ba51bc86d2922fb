import type { Bytes, Reply } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import { CommandError, readCount, readFloat, refusal } from "./arguments.ts";
import { createSortedSet, type SortedSet, withScores } from "./sorted_set.ts";

type Operation = "union" | "intersection" | "difference";
type Scores = ReadonlyMap<Bytes, number>;

interface Query {
  readonly keys: readonly Bytes[];
  readonly weights: readonly number[];
  readonly aggregate: keyof typeof aggregates;
  readonly withScores: boolean;
}

const aggregates = {
  SUM: (left: number, right: number) => {
    const sum = left + right;
    return Number.isNaN(sum) ? 0 : sum;
  },
  MIN: Math.min,
  MAX: Math.max,
} as const;

/** Union, intersection and difference of sorted sets; plain sets count as scored 1. */
export const sortedSetAlgebraCommands: CommandTable = {
  ZUNION: reads(-3, combineReply("union")),
  ZINTER: reads(-3, combineReply("intersection")),
  ZDIFF: reads(-3, combineReply("difference")),
  ZUNIONSTORE: writes(-4, combineStore("union")),
  ZINTERSTORE: writes(-4, combineStore("intersection")),
  ZDIFFSTORE: writes(-4, combineStore("difference")),
};

function combineReply(operation: Operation) {
  return function combine(context: Context, args: readonly Bytes[], name: string): Reply {
    const query = readQuery(args, name, operation, "WITHSCORES");
    const { ranking } = combineSets(context, query, operation);
    return query.withScores ? withScores(ranking) : ranking.map(({ member }) => member);
  };
}

function combineStore(operation: Operation) {
  return function combine(context: Context, args: readonly Bytes[], name: string): Reply {
    const query = readQuery(args.slice(1), name, operation);
    const result = combineSets(context, query, operation);
    context.keys.remove(at(args, 0));
    if (result.size > 0) context.keys.put(at(args, 0), "zset", result);
    return result.size;
  };
}

function readQuery(
  args: readonly Bytes[],
  name: string,
  operation: Operation,
  scoresOption?: string,
): Query {
  const count = readCount(at(args, 0));
  if (count < 1) {
    throw new CommandError(
      `ERR at least 1 input key is needed for '${name.toLowerCase()}' command`,
    );
  }
  if (count > args.length - 1) throw refusal("syntax");
  const words = args.slice(1 + count);
  const keys = args.slice(1, 1 + count);
  let query: Query = { keys, weights: keys.map(() => 1), aggregate: "SUM", withScores: false };
  for (let index = 0; index < words.length; index++) {
    const word = at(words, index).toUpperCase();
    const aggregate = words[index + 1]?.toUpperCase();
    if (word === scoresOption) query = { ...query, withScores: true };
    else if (operation === "difference") throw refusal("syntax");
    else if (word === "WEIGHTS" && index + count < words.length) {
      const weights = words.slice(index + 1, index + 1 + count);
      query = { ...query, weights: weights.map((text) => readFloat(text, badWeight)) };
      index += count;
    } else if (word === "AGGREGATE" && isAggregate(aggregate)) {
      query = { ...query, aggregate };
      index += 1;
    } else throw refusal("syntax");
  }
  return query;
}

const badWeight = "ERR weight value is not a float";

function isAggregate(word: string | undefined): word is keyof typeof aggregates {
  return word !== undefined && Object.hasOwn(aggregates, word);
}

function readScores({ keys }: Context, key: Bytes, weight: number): Scores {
  const entry = keys.entry(key);
  const pairs: (readonly [Bytes, number])[] = entry?.type === "set"
    ? [...entry.value].map((member) => [member, 1])
    : (keys.read(key, "zset")?.ranking ?? []).map(({ member, score }) => [member, score]);
  return new Map(pairs.map(([member, score]) => [member, score * weight || 0]));
}

function combineSets(context: Context, query: Query, operation: Operation): SortedSet {
  const inputs = query.keys.map((key, index) => {
    return readScores(context, key, query.weights[index] ?? 1);
  });
  const [first = new Map<Bytes, number>(), ...others] = inputs;
  const aggregate = aggregates[query.aggregate];
  const result = createSortedSet();
  const candidates = operation === "union"
    ? inputs.flatMap((input) => [...input.keys()])
    : first.keys();
  for (const member of candidates) {
    if (operation === "intersection" && !others.every((other) => other.has(member))) continue;
    if (operation === "difference" && others.some((other) => other.has(member))) continue;
    const scores = inputs.flatMap((input) => input.get(member) ?? []);
    result.set(member, scores.reduce((left, right) => aggregate(left, right)));
  }
  return result;
}
