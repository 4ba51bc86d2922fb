import { type Bytes, ok, type Reply } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import { CommandError, readCount, refusal, resolveRange, wrongArity } from "./arguments.ts";
import { type ExpiryUnit, isExpiryUnit, readExpiry } from "./expiry.ts";

const maxStringBytes = 512 * 1024 * 1024;

interface SetOptions {
  readonly condition?: "NX" | "XX";
  readonly get?: true;
  readonly keepTtl?: true;
  readonly expiresAt?: number;
}

/** Strings as values: reading, writing, parts of them. */
export const stringCommands: CommandTable = {
  GET: reads(2, ({ keys }, args) => keys.read(at(args, 0), "string") ?? null),
  SET: writes(-3, set),
  SETNX: writes(3, (context, args) => writeIf(context, args, { condition: "NX" }) ? 1 : 0),
  SETEX: writes(4, (context, args) => setFor(context, args, "EX", "setex")),
  PSETEX: writes(4, (context, args) => setFor(context, args, "PX", "psetex")),
  GETSET: writes(3, (context, args) => swap(context, args)),
  GETDEL: writes(2, getAndDelete),
  GETEX: writes(-2, getAndExpire),
  MGET: reads(-2, ({ keys }, args) => args.map((key) => stringOrNull(keys.entry(key)))),
  MSET: writes(-3, (context, args) => setAll(context, args, "mset")),
  MSETNX: writes(-3, setAllUnlessAny),
  APPEND: writes(3, append),
  STRLEN: reads(2, ({ keys }, args) => keys.read(at(args, 0), "string")?.length ?? 0),
  GETRANGE: reads(4, getRange),
  SUBSTR: reads(4, getRange),
  SETRANGE: writes(4, setRange),
};

function stringOrNull(entry: ReturnType<Context["keys"]["entry"]>): Reply {
  return entry?.type === "string" ? entry.value : null;
}

function set(context: Context, args: readonly Bytes[]): Reply {
  const options = readSetOptions(args.slice(2), context.now);
  const key = at(args, 0);
  const previous = options.get ? context.keys.read(key, "string") ?? null : null;
  const written = writeIf(context, args, options);
  if (options.get) return previous;
  return written ? ok : null;
}

function readSetOptions(words: readonly Bytes[], now: number): SetOptions {
  let options: SetOptions = {};
  for (let index = 0; index < words.length; index++) {
    const word = at(words, index).toUpperCase();
    const expires = options.expiresAt !== undefined || options.keepTtl === true;
    if ((word === "NX" || word === "XX") && (options.condition ?? word) === word) {
      options = { ...options, condition: word };
    } else if (word === "GET") options = { ...options, get: true };
    else if (word === "KEEPTTL" && options.expiresAt === undefined) {
      options = { ...options, keepTtl: true };
    } else if (isExpiryUnit(word) && !expires && index + 1 < words.length) {
      const text = at(words, ++index);
      options = { ...options, expiresAt: readExpiry({ unit: word, text, now, name: "set" }) };
    } else throw refusal("syntax");
  }
  return options;
}

/** Logs the outcome and not the condition, so a replay needs no clock. */
function writeIf(
  { keys, log }: Context,
  args: readonly Bytes[],
  { condition, keepTtl, expiresAt }: SetOptions,
): boolean {
  const [key, value] = [at(args, 0), at(args, 1)];
  const existing = keys.entry(key);
  if (condition !== undefined && (existing !== undefined) !== (condition === "XX")) {
    log();
    return false;
  }
  const moment = keepTtl ? existing?.expiresAt ?? null : expiresAt ?? null;
  keys.put(key, "string", value, moment);
  log(["SET", key, value, ...(moment === null ? [] : ["PXAT", String(moment)])]);
  return true;
}

function setFor(context: Context, args: readonly Bytes[], unit: ExpiryUnit, name: string): Reply {
  const expiresAt = readExpiry({ unit, text: at(args, 1), now: context.now, name });
  writeIf(context, [at(args, 0), at(args, 2)], { expiresAt });
  return ok;
}

function swap(context: Context, args: readonly Bytes[]): Reply {
  const previous = context.keys.read(at(args, 0), "string") ?? null;
  writeIf(context, args, {});
  return previous;
}

function getAndDelete({ keys }: Context, args: readonly Bytes[]): Reply {
  const value = keys.read(at(args, 0), "string") ?? null;
  keys.remove(at(args, 0));
  return value;
}

function getAndExpire({ keys, now, log }: Context, args: readonly Bytes[]): Reply {
  const [key, word = "", text] = [at(args, 0), args[1]?.toUpperCase(), args[2]];
  const isUnit = isExpiryUnit(word) && text !== undefined && args.length === 3;
  const isPersist = word === "PERSIST" && args.length === 2;
  if (args.length > 1 && !isUnit && !isPersist) throw refusal("syntax");
  const value = keys.read(key, "string");
  const moment = isUnit ? readExpiry({ unit: word, text, now, name: "getex" }) : null;
  log();
  if (value === undefined) return null;
  if (moment !== null && moment <= now) {
    keys.remove(key);
    log(["DEL", key]);
  } else if (args.length > 1) {
    keys.expire(key, moment);
    log(moment === null ? ["PERSIST", key] : ["PEXPIREAT", key, String(moment)]);
  }
  return value;
}

function setAll({ keys }: Context, args: readonly Bytes[], name: string): Reply {
  if (args.length % 2 !== 0) throw wrongArity(name);
  for (let index = 0; index < args.length; index += 2) {
    keys.put(at(args, index), "string", at(args, index + 1));
  }
  return ok;
}

function setAllUnlessAny(context: Context, args: readonly Bytes[]): Reply {
  if (args.length % 2 !== 0) throw wrongArity("msetnx");
  const taken = args.some((key, index) => index % 2 === 0 && context.keys.entry(key));
  if (taken) return 0;
  setAll(context, args, "msetnx");
  return 1;
}

function append({ keys }: Context, args: readonly Bytes[]): Reply {
  const [key, suffix] = [at(args, 0), at(args, 1)];
  return writeKeepingTtl(keys, key, (keys.read(key, "string") ?? "") + suffix);
}

function getRange({ keys }: Context, args: readonly Bytes[]): Reply {
  const [start, stop] = [readCount(at(args, 1)), readCount(at(args, 2))];
  const value = keys.read(at(args, 0), "string") ?? "";
  if (start < 0 && stop < 0 && start > stop) return "";
  const last = stop < 0 ? Math.max(stop + value.length, 0) : stop;
  const { from, to } = resolveRange(start, last, value.length);
  return value.slice(from, to);
}

function setRange({ keys }: Context, args: readonly Bytes[]): Reply {
  const [key, offset, part] = [at(args, 0), readCount(at(args, 1)), at(args, 2)];
  if (offset < 0) throw new CommandError("ERR offset is out of range");
  const value = keys.read(key, "string") ?? "";
  if (part === "") return value.length;
  const head = value.slice(0, offset).padEnd(offset, "\0");
  return writeKeepingTtl(keys, key, head + part + value.slice(offset + part.length));
}

function writeKeepingTtl(keys: Context["keys"], key: Bytes, value: Bytes): number {
  if (value.length > maxStringBytes) {
    throw new CommandError("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  }
  keys.put(key, "string", value, keys.entry(key)?.expiresAt ?? null);
  return value.length;
}
