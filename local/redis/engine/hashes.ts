import type { Bytes } from "../bytes.ts";
import { ok, type Reply, toInteger } from "../reply.ts";
import { at, type CommandTable, type Context } from "./command.ts";
import { refusal, wrongArity } from "./errors.ts";
import { addDecimals } from "./long_double.ts";
import { isInt64, readInteger } from "./numbers.ts";
import { drawDistinct, drawRepeated, readDraw } from "./random_draw.ts";
import { scanReply } from "./scan_options.ts";

/** Hashes: fields with values. */
export const hashCommands: CommandTable = {
  HSET: { arity: -4, writes: true, run: (context, args) => setFields(context, args, "hset") },
  HMSET: { arity: -4, writes: true, run: setFieldsOk },
  HSETNX: { arity: 4, writes: true, run: setFieldUnlessThere },
  HGET: { arity: 3, run: (context, args) => fields(context, args)?.get(at(args, 1)) ?? null },
  HMGET: { arity: -3, run: getFields },
  HGETALL: { arity: 2, run: (context, args) => [...fields(context, args) ?? []].flat() },
  HDEL: { arity: -3, writes: true, run: deleteFields },
  HEXISTS: { arity: 3, run: (context, args) => fields(context, args)?.has(at(args, 1)) ? 1 : 0 },
  HLEN: { arity: 2, run: (context, args) => fields(context, args)?.size ?? 0 },
  HKEYS: { arity: 2, run: (context, args) => [...fields(context, args)?.keys() ?? []] },
  HVALS: { arity: 2, run: (context, args) => [...fields(context, args)?.values() ?? []] },
  HSTRLEN: {
    arity: 3,
    run: (context, args) => fields(context, args)?.get(at(args, 1))?.length ?? 0,
  },
  HINCRBY: { arity: 4, writes: true, run: countField },
  HINCRBYFLOAT: { arity: 4, writes: true, run: countFieldFloat },
  HRANDFIELD: { arity: -2, run: drawFields },
  HSCAN: { arity: -3, run: (context, args) => scanReply(args, fields(context, args) ?? []) },
};

function fields({ keys }: Context, args: readonly Bytes[]): Map<Bytes, Bytes> | undefined {
  return keys.read(at(args, 0), "hash");
}

function setFields({ keys }: Context, args: readonly Bytes[], name: string): number {
  if (args.length % 2 === 0) throw wrongArity(name);
  const hash = keys.open(at(args, 0), "hash");
  const before = hash.size;
  for (let index = 1; index < args.length; index += 2) {
    hash.set(at(args, index), at(args, index + 1));
  }
  return hash.size - before;
}

function setFieldsOk(context: Context, args: readonly Bytes[]): Reply {
  setFields(context, args, "hmset");
  return ok;
}

function setFieldUnlessThere(context: Context, args: readonly Bytes[]): Reply {
  if (fields(context, args)?.has(at(args, 1))) return 0;
  return setFields(context, args, "hsetnx");
}

function getFields(context: Context, args: readonly Bytes[]): Reply {
  const hash = fields(context, args);
  return args.slice(1).map((field) => hash?.get(field) ?? null);
}

function deleteFields(context: Context, args: readonly Bytes[]): Reply {
  const hash = fields(context, args);
  const removed = args.slice(1).filter((field) => hash?.delete(field)).length;
  context.keys.tidy(at(args, 0));
  return removed;
}

function countField(context: Context, args: readonly Bytes[]): Reply {
  const [key, field, step] = [at(args, 0), at(args, 1), readInteger(at(args, 2))];
  const current = fields(context, args)?.get(field) ?? "0";
  const sum = readInteger(current, "ERR hash value is not an integer") + step;
  if (!isInt64(sum)) throw refusal("overflow");
  context.keys.open(key, "hash").set(field, String(sum));
  return toInteger(sum);
}

function countFieldFloat(context: Context, args: readonly Bytes[]): Reply {
  const [key, field, step] = [at(args, 0), at(args, 1), at(args, 2)];
  const current = fields(context, args)?.get(field) ?? "0";
  addDecimals("0", step);
  const sum = addDecimals(current, step, "ERR hash value is not a float");
  context.keys.open(key, "hash").set(field, sum);
  return sum;
}

function drawFields(context: Context, args: readonly Bytes[]): Reply {
  const hash = fields(context, args);
  const [count, mode] = [args[1], args[2]?.toUpperCase()];
  if (args.length > 3 || (mode !== undefined && mode !== "WITHVALUES")) throw refusal("syntax");
  const all = [...hash ?? []];
  if (count === undefined) return drawDistinct(all, 1, context.random)[0]?.[0] ?? null;
  const draw = readDraw(count);
  const drawn = draw.repeats
    ? drawRepeated(all, draw.count, context.random)
    : drawDistinct(all, draw.count, context.random);
  return drawn.flatMap(([field, value]) => mode === undefined ? [field] : [field, value]);
}
