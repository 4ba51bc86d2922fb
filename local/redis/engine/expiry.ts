import type { Bytes } from "../bytes.ts";
import type { Reply } from "../reply.ts";
import { at, type CommandTable, type Context } from "./command.ts";
import { CommandError } from "./errors.ts";
import { type ExpiryUnit, readExpiry } from "./expiry_options.ts";

/** Expiry of keys. */
export const expiryCommands: CommandTable = {
  EXPIRE: { arity: -3, writes: true, run: expireIn("EX", "expire") },
  PEXPIRE: { arity: -3, writes: true, run: expireIn("PX", "pexpire") },
  EXPIREAT: { arity: -3, writes: true, run: expireIn("EXAT", "expireat") },
  PEXPIREAT: { arity: -3, writes: true, run: expireIn("PXAT", "pexpireat") },
  PERSIST: { arity: 2, writes: true, run: persist },
  TTL: { arity: 2, run: (context, args) => toTtl(context, args, (at, now) => seconds(at - now)) },
  PTTL: { arity: 2, run: (context, args) => toTtl(context, args, (at, now) => at - now) },
  EXPIRETIME: { arity: 2, run: (context, args) => toTtl(context, args, seconds) },
  PEXPIRETIME: { arity: 2, run: (context, args) => toTtl(context, args, (at) => at) },
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
    throw new CommandError(
      "ERR NX and XX, GT or LT options at the same time are not compatible",
    );
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
