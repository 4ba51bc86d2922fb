import type { Bytes } from "../bytes.ts";
import { refusal, refusals } from "./errors.ts";
import { CommandError } from "./errors.ts";

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n } as const;
const integerForm = /^(?:0|-?[1-9]\d{0,18})$/;
const floatForm = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const infinityForm = /^([+-]?)inf(?:inity)?$/i;

/** Whether a number fits 64 bits. */
export function isInt64(value: bigint): boolean {
  return value >= int64.min && value <= int64.max;
}

/** Reads a 64-bit integer as strictly as Redis: no `+`, blanks, leading zeros or `-0`. */
export function readInteger(text: Bytes, message: string = refusals.notInteger): bigint {
  const value = integerForm.test(text) ? BigInt(text) : undefined;
  if (value === undefined || !isInt64(value)) throw new CommandError(message);
  return value;
}

/** Reads an index or count as a number; digits beyond 2^53 do not matter there. */
export function readCount(text: Bytes, message?: string): number {
  return Number(readInteger(text, message));
}

/** Reads an integer that must not be negative. */
export function readPositive(text: Bytes): number {
  const count = readCount(text, refusals.mustBePositive);
  if (count < 0) throw refusal("mustBePositive");
  return count;
}

/** Reads a double: decimal digits or `inf`, never `nan`. */
export function readFloat(text: Bytes, message: string = refusals.notFloat): number {
  const infinite = infinityForm.exec(text);
  if (infinite) return infinite[1] === "-" ? -Infinity : Infinity;
  if (!floatForm.test(text)) throw new CommandError(message);
  return Number(text);
}

/** Writes a double in the shortest form that reads back the same, as Redis 7.2 and later do. */
export function formatFloat(value: number): Bytes {
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Resolves Redis's inclusive, possibly negative range of positions to a half-open one. */
export function resolveRange(
  start: number,
  stop: number,
  length: number,
): { from: number; to: number } {
  const from = Math.max(start < 0 ? start + length : start, 0);
  const to = Math.min((stop < 0 ? stop + length : stop) + 1, length);
  return from >= to ? { from: 0, to: 0 } : { from, to };
}
