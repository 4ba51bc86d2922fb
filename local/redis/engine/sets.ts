import type { Bytes, Reply } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import { CommandError, readCount, refusal } from "./arguments.ts";
import { drawDistinct, drawRepeated, readDraw, readPopCount, scanReply } from "./options.ts";

type Members = ReadonlySet<Bytes>;
type Combine = (sets: readonly Members[]) => Members;

/** Sets of members without order. */
export const setCommands: CommandTable = {
  SADD: writes(-3, add),
  SREM: writes(-3, remove),
  SMEMBERS: reads(2, ({ keys }, args) => [...members(keys, at(args, 0))]),
  SISMEMBER: reads(3, ({ keys }, args) => members(keys, at(args, 0)).has(at(args, 1)) ? 1 : 0),
  SMISMEMBER: reads(-3, areMembers),
  SCARD: reads(2, ({ keys }, args) => members(keys, at(args, 0)).size),
  SPOP: writes(-2, pop),
  SRANDMEMBER: reads(-2, draw),
  SMOVE: writes(4, move),
  SUNION: reads(-2, ({ keys }, args) => [...combined(keys, args, union)]),
  SINTER: reads(-2, ({ keys }, args) => [...combined(keys, args, intersection)]),
  SDIFF: reads(-2, ({ keys }, args) => [...combined(keys, args, difference)]),
  SUNIONSTORE: writes(-3, (context, args) => store(context, args, union)),
  SINTERSTORE: writes(-3, (context, args) => store(context, args, intersection)),
  SDIFFSTORE: writes(-3, (context, args) => store(context, args, difference)),
  SINTERCARD: reads(-3, countCommon),
  SSCAN: reads(
    -3,
    ({ keys }, args) =>
      scanReply(args, [...members(keys, at(args, 0))].map((member) => [member] as const)),
  ),
};

function members(keys: Context["keys"], key: Bytes): Members {
  return keys.read(key, "set") ?? new Set();
}

function add({ keys }: Context, args: readonly Bytes[]): Reply {
  const set = keys.open(at(args, 0), "set");
  const before = set.size;
  for (const member of args.slice(1)) set.add(member);
  return set.size - before;
}

function remove({ keys }: Context, args: readonly Bytes[]): Reply {
  const set = keys.read(at(args, 0), "set");
  const removed = args.slice(1).filter((member) => set?.delete(member)).length;
  keys.tidy(at(args, 0));
  return removed;
}

function areMembers({ keys }: Context, args: readonly Bytes[]): Reply {
  const set = members(keys, at(args, 0));
  return args.slice(1).map((member) => set.has(member) ? 1 : 0);
}

/** The result is logged: a replay removes the drawn members by name. */
function pop({ keys, random, log }: Context, args: readonly Bytes[]): Reply {
  if (args.length > 2) throw refusal("syntax");
  const [key, count] = [at(args, 0), readPopCount(args[1])];
  const set = keys.read(key, "set");
  const drawn = drawDistinct([...set ?? []], count, random);
  for (const member of drawn) set?.delete(member);
  keys.tidy(key);
  if (drawn.length > 0) log(["SREM", key, ...drawn]);
  else log();
  return args.length === 1 ? drawn[0] ?? null : drawn;
}

function draw({ keys, random }: Context, args: readonly Bytes[]): Reply {
  if (args.length > 2) throw refusal("syntax");
  const all = [...members(keys, at(args, 0))];
  const countText = args[1];
  if (countText === undefined) return drawRepeated(all, 1, random)[0] ?? null;
  const { count, repeats } = readDraw(countText);
  return repeats ? drawRepeated(all, count, random) : drawDistinct(all, count, random);
}

function move({ keys }: Context, args: readonly Bytes[]): Reply {
  const [from, to, member] = [at(args, 0), at(args, 1), at(args, 2)];
  const source = keys.read(from, "set");
  if (!source) return 0;
  keys.read(to, "set");
  if (!source.has(member)) return 0;
  source.delete(member);
  keys.open(to, "set").add(member);
  keys.tidy(from);
  return 1;
}

function combined(keys: Context["keys"], names: readonly Bytes[], combine: Combine): Members {
  return combine(names.map((key) => members(keys, key)));
}

function store({ keys }: Context, args: readonly Bytes[], combine: Combine): Reply {
  const result = combined(keys, args.slice(1), combine);
  keys.remove(at(args, 0));
  if (result.size > 0) keys.put(at(args, 0), "set", new Set(result));
  return result.size;
}

function countCommon({ keys }: Context, args: readonly Bytes[]): Reply {
  const count = readCount(at(args, 0), "ERR numkeys should be greater than 0");
  if (count <= 0) throw new CommandError("ERR numkeys should be greater than 0");
  if (count > args.length - 1) {
    throw new CommandError("ERR Number of keys can't be greater than number of args");
  }
  const options = args.slice(1 + count);
  let limit = 0;
  for (let index = 0; index < options.length; index += 2) {
    const value = options[index + 1];
    if (options[index]?.toUpperCase() !== "LIMIT" || value === undefined) throw refusal("syntax");
    limit = readCount(value, "ERR LIMIT can't be negative");
    if (limit < 0) throw new CommandError("ERR LIMIT can't be negative");
  }
  const { size } = combined(keys, args.slice(1, 1 + count), intersection);
  return limit > 0 ? Math.min(size, limit) : size;
}

function union(sets: readonly Members[]): Members {
  return new Set(sets.flatMap((set) => [...set]));
}

function intersection([first = new Set(), ...others]: readonly Members[]): Members {
  return new Set([...first].filter((member) => others.every((set) => set.has(member))));
}

function difference([first = new Set(), ...others]: readonly Members[]): Members {
  return new Set([...first].filter((member) => !others.some((set) => set.has(member))));
}
