import type { Bytes } from "../bytes.ts";
import { type Reply, toInteger } from "../reply.ts";
import { at, type CommandTable, type Context } from "./command.ts";
import { CommandError, refusal } from "./errors.ts";
import { addDecimals } from "./long_double.ts";
import { isInt64, readInteger } from "./numbers.ts";

/** Strings as numbers. */
export const counterCommands: CommandTable = {
  INCR: { arity: 2, writes: true, run: (context, args) => count(context, at(args, 0), 1n) },
  DECR: { arity: 2, writes: true, run: (context, args) => count(context, at(args, 0), -1n) },
  INCRBY: {
    arity: 3,
    writes: true,
    run: (context, args) => count(context, at(args, 0), readInteger(at(args, 1))),
  },
  DECRBY: {
    arity: 3,
    writes: true,
    run: (context, args) => count(context, at(args, 0), -readDecrement(at(args, 1))),
  },
  INCRBYFLOAT: { arity: 3, writes: true, run: countFloat },
};

function readDecrement(text: Bytes): bigint {
  const decrement = readInteger(text);
  if (!isInt64(-decrement)) throw new CommandError("ERR decrement would overflow");
  return decrement;
}

function count({ keys }: Context, key: Bytes, step: bigint): Reply {
  const sum = readInteger(keys.read(key, "string") ?? "0") + step;
  if (!isInt64(sum)) throw refusal("overflow");
  keys.put(key, "string", String(sum), keys.entry(key)?.expiresAt ?? null);
  return toInteger(sum);
}

function countFloat({ keys }: Context, args: readonly Bytes[]): Reply {
  const key = at(args, 0);
  const sum = addDecimals(keys.read(key, "string") ?? "0", at(args, 1));
  keys.put(key, "string", sum, keys.entry(key)?.expiresAt ?? null);
  return sum;
}
