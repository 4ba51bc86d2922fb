import { type Bytes, ok, type Reply } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import { CommandError, refusal, wrongArity } from "./arguments.ts";
import { compileGlob, readCursor, readScanOptions } from "./options.ts";
import type { Entry, Keyspace } from "./keyspace.ts";
import { createSortedSet } from "./sorted_set.ts";

/** Keys of any type. */
export const keyCommands: CommandTable = {
  DEL: writes(-2, remove),
  UNLINK: writes(-2, remove),
  EXISTS: reads(-2, countExisting),
  TOUCH: reads(-2, countExisting),
  TYPE: reads(2, ({ keys }, args) => ({ status: keys.entry(at(args, 0))?.type ?? "none" })),
  RENAME: writes(3, rename),
  RENAMENX: writes(3, renameUnlessTaken),
  COPY: writes(-3, copy),
  KEYS: reads(2, listKeys),
  SCAN: reads(-2, scan),
  RANDOMKEY: reads(1, randomKey),
  DBSIZE: reads(1, ({ keys }) => [...keys.entries()].length),
  FLUSHDB: writes(-1, flush),
  FLUSHALL: writes(-1, flush),
};

function remove({ keys }: Context, args: readonly Bytes[]): Reply {
  return args.filter((key) => keys.entry(key) !== undefined && keys.remove(key)).length;
}

function countExisting({ keys }: Context, args: readonly Bytes[]): Reply {
  return args.filter((key) => keys.entry(key) !== undefined).length;
}

function move(keys: Keyspace, entry: Entry, from: Bytes, to: Bytes): void {
  keys.remove(from);
  keys.remove(to);
  keys.put(to, entry.type, entry.value, entry.expiresAt);
}

function rename({ keys }: Context, args: readonly Bytes[]): Reply {
  const [from, to] = [at(args, 0), at(args, 1)];
  const entry = keys.entry(from);
  if (!entry) throw refusal("noSuchKey");
  if (from !== to) move(keys, entry, from, to);
  return ok;
}

function renameUnlessTaken({ keys }: Context, args: readonly Bytes[]): Reply {
  const [from, to] = [at(args, 0), at(args, 1)];
  const entry = keys.entry(from);
  if (!entry) throw refusal("noSuchKey");
  if (keys.entry(to)) return 0;
  move(keys, entry, from, to);
  return 1;
}

function copy({ keys }: Context, args: readonly Bytes[]): Reply {
  const [from, to] = [at(args, 0), at(args, 1)];
  const words = args.slice(2).map((word) => word.toUpperCase());
  const replace = words.includes("REPLACE");
  const rest = words.filter((word) => word !== "REPLACE");
  if (rest.length > 0 && (rest[0] !== "DB" || rest.length !== 2)) throw refusal("syntax");
  if (rest.length > 0 && rest[1] !== "0") throw new CommandError("ERR DB index is out of range");
  if (from === to) throw new CommandError("ERR source and destination objects are the same");
  const entry = keys.entry(from);
  if (!entry || (keys.entry(to) && !replace)) return 0;
  keys.remove(to);
  putClone(keys, to, entry);
  return 1;
}

function putClone(keys: Keyspace, key: Bytes, entry: Entry): void {
  const { expiresAt } = entry;
  if (entry.type === "string") keys.put(key, "string", entry.value, expiresAt);
  if (entry.type === "hash") keys.put(key, "hash", new Map(entry.value), expiresAt);
  if (entry.type === "set") keys.put(key, "set", new Set(entry.value), expiresAt);
  if (entry.type === "list") keys.put(key, "list", [...entry.value], expiresAt);
  if (entry.type === "zset") {
    const clone = createSortedSet();
    for (const { member, score } of entry.value.ranking) clone.set(member, score);
    keys.put(key, "zset", clone, expiresAt);
  }
}

function listKeys({ keys }: Context, args: readonly Bytes[]): Reply {
  const matches = compileGlob(at(args, 0));
  return [...keys.entries()].map(([key]) => key).filter(matches);
}

/**
 * The cursor is the sequence number of the last key visited. Keys have one number as long as they
 * live, so each one that is there from the first call to the last is returned exactly once.
 */
function scan({ keys }: Context, args: readonly Bytes[]): Reply {
  const cursor = readCursor(at(args, 0));
  const { matches, count, type } = readScanOptions(args.slice(1), { allowType: true });
  const found: Bytes[] = [];
  let [looked, last] = [0, 0];
  for (const [key, entry] of keys.entries()) {
    if (entry.sequence <= cursor) continue;
    if (looked === count) return [String(last), found];
    looked++;
    last = entry.sequence;
    if (matches(key) && (type === undefined || entry.type === type)) found.push(key);
  }
  return ["0", found];
}

function randomKey({ keys, random }: Context): Reply {
  const live = [...keys.entries()];
  return live[Math.floor(random() * live.length)]?.[0] ?? null;
}

function flush({ keys }: Context, args: readonly Bytes[]): Reply {
  const mode = args[0]?.toUpperCase();
  if (args.length > 1 || (mode !== undefined && mode !== "ASYNC" && mode !== "SYNC")) {
    throw refusal("syntax");
  }
  keys.clear();
  return ok;
}

/** The connection and the server itself. */
export const serverCommands: CommandTable = {
  PING: reads(-1, (_context, args) => ping(args)),
  ECHO: reads(2, (_context, args) => at(args, 0)),
  TIME: reads(1, time),
  PUBLISH: {
    arity: 3,
    mayReplicate: true,
    run: ({ publish }, args) => publish(at(args, 0), at(args, 1)),
  },
};

function ping(args: readonly Bytes[]): Reply {
  if (args.length > 1) throw wrongArity("ping");
  return args[0] ?? { status: "PONG" };
}

function time({ now }: Context): Reply {
  const micros = Math.round((now % 1000) * 1000);
  return [String(Math.floor(now / 1000)), String(micros)];
}
