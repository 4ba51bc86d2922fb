import type { Bytes, Reply } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import { CommandError, readInteger } from "./arguments.ts";

/** Expiry of keys. */
export const expiryCommands: CommandTable = {
  EXPIRE: writes(-3, expireIn("EX", "expire")),
  PEXPIRE: writes(-3, expireIn("PX", "pexpire")),
  EXPIREAT: writes(-3, expireIn("EXAT", "expireat")),
  PEXPIREAT: writes(-3, expireIn("PXAT", "pexpireat")),
  PERSIST: writes(2, persist),
  TTL: reads(2, (context, args) => toTtl(context, args, (at, now) => seconds(at - now))),
  PTTL: reads(2, (context, args) => toTtl(context, args, (at, now) => at - now)),
  EXPIRETIME: reads(2, (context, args) => toTtl(context, args, seconds)),
  PEXPIRETIME: reads(2, (context, args) => toTtl(context, args, (at) => at)),
};

const conditions = ["NX", "XX", "GT", "LT"] as const;
type Condition = typeof conditions[number];

function expireIn(unit: ExpiryUnit, name: string) {
  return function expire({ keys, now, log }: Context, args: readonly Bytes[]): Reply {
    const key = at(args, 0);
    const conditions = readConditions(args.slice(2));
    const moment = readExpiry({ unit, text: at(args, 1), now, name, allowPast: true });
    const entry = keys.entry(key);
    log();
    if (!entry || !conditions.every((condition) => holds(condition, entry.expiresAt, moment))) {
      return 0;
    }
    if (moment <= now) {
      keys.remove(key);
      log(["DEL", key]);
    } else {
      keys.expire(key, moment);
      log(["PEXPIREAT", key, String(moment)]);
    }
    return 1;
  };
}

function readConditions(words: readonly Bytes[]): Condition[] {
  const requested = words.map((word) => {
    const condition = conditions.find((name) => name === word.toUpperCase());
    if (!condition) throw new CommandError(`ERR Unsupported option ${word}`);
    return condition;
  });
  const has = (condition: Condition) => requested.includes(condition);
  if (has("NX") && (has("XX") || has("GT") || has("LT"))) {
    throw new CommandError("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (has("GT") && has("LT")) {
    throw new CommandError("ERR GT and LT options at the same time are not compatible");
  }
  return requested;
}

/** A key without expiry counts as one that never ends. */
function holds(condition: Condition, current: number | null, moment: number): boolean {
  const end = current ?? Infinity;
  switch (condition) {
    case "NX":
      return current === null;
    case "XX":
      return current !== null;
    case "GT":
      return moment > end;
    case "LT":
      return moment < end;
  }
}

function persist({ keys }: Context, args: readonly Bytes[]): Reply {
  const key = at(args, 0);
  if ((keys.entry(key)?.expiresAt ?? null) === null) return 0;
  keys.expire(key, null);
  return 1;
}

function toTtl(
  { keys, now }: Context,
  args: readonly Bytes[],
  measure: (expiresAt: number, now: number) => number,
): Reply {
  const entry = keys.entry(at(args, 0));
  if (!entry) return -2;
  return entry.expiresAt === null ? -1 : measure(entry.expiresAt, now);
}

function seconds(ms: number): number {
  return Math.floor((ms + 500) / 1000);
}

/** The units in which the options of SET and GETEX, and the EXPIRE family, give a time. */
export const expiryUnits = {
  EX: { factor: 1000n, relative: true },
  PX: { factor: 1n, relative: true },
  EXAT: { factor: 1000n, relative: false },
  PXAT: { factor: 1n, relative: false },
} as const;
export type ExpiryUnit = keyof typeof expiryUnits;

const maxMs = 2n ** 63n - 1n;

/** Whether an option, in upper case, is one of EX, PX, EXAT, PXAT. */
export function isExpiryUnit(option: string): option is ExpiryUnit {
  return Object.hasOwn(expiryUnits, option);
}

/**
 * Resolves an expiry to epoch milliseconds.
 *
 * `allowPast`: the EXPIRE family accepts zero and negative numbers and deletes the key; options
 * refuse them.
 */
export function readExpiry(
  { unit, text, now, name, allowPast = false }: {
    unit: ExpiryUnit;
    text: Bytes;
    now: number;
    name: string;
    allowPast?: boolean;
  },
): number {
  const { factor, relative } = expiryUnits[unit];
  const amount = readInteger(text) * factor;
  const base = relative && Number.isFinite(now) ? BigInt(Math.trunc(now)) : 0n;
  const moment = amount + base;
  const overflows = moment > maxMs || amount > maxMs || amount < -maxMs;
  if (overflows || (!allowPast && amount <= 0n)) {
    throw new CommandError(`ERR invalid expire time in '${name}' command`);
  }
  return Number(moment);
}
