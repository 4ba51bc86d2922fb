import type { Bytes } from "../bytes.ts";
import { CommandError } from "./errors.ts";
import { readInteger } from "./numbers.ts";

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
