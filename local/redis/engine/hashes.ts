import { type Bytes, ok, type Reply, toInteger } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import { isInt64, readInteger, refusal, wrongArity } from "./arguments.ts";
import { addDecimals } from "./counters.ts";
import { drawDistinct, drawRepeated, readDraw, scanReply } from "./options.ts";

/** Hashes: fields with values. */
export const hashCommands: CommandTable = {
  HSET: writes(-4, (context, args) => setFields(context, args, "hset")),
  HMSET: writes(-4, setFieldsOk),
  HSETNX: writes(4, setFieldUnlessThere),
  HGET: reads(3, (context, args) => fields(context, args)?.get(at(args, 1)) ?? null),
  HMGET: reads(-3, getFields),
  HGETALL: reads(2, (context, args) => [...fields(context, args) ?? []].flat()),
  HDEL: writes(-3, deleteFields),
  HEXISTS: reads(3, (context, args) => fields(context, args)?.has(at(args, 1)) ? 1 : 0),
  HLEN: reads(2, (context, args) => fields(context, args)?.size ?? 0),
  HKEYS: reads(2, (context, args) => [...fields(context, args)?.keys() ?? []]),
  HVALS: reads(2, (context, args) => [...fields(context, args)?.values() ?? []]),
  HSTRLEN: reads(3, (context, args) => fields(context, args)?.get(at(args, 1))?.length ?? 0),
  HINCRBY: writes(4, countField),
  HINCRBYFLOAT: writes(4, countFieldFloat),
  HRANDFIELD: reads(-2, drawFields),
  HSCAN: reads(-3, (context, args) => scanReply(args, fields(context, args) ?? [])),
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
