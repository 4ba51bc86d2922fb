import type { Bytes } from "../protocol.ts";

/** A command's refusal; the message is the error reply, word for word. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Refusals that many commands share, in the words of Redis 7. */
export const refusals = {
  wrongType: "WRONGTYPE Operation against a key holding the wrong kind of value",
  syntax: "ERR syntax error",
  notInteger: "ERR value is not an integer or out of range",
  notFloat: "ERR value is not a valid float",
  outOfRange: "ERR value is out of range",
  mustBePositive: "ERR value is out of range, must be positive",
  noSuchKey: "ERR no such key",
  indexOutOfRange: "ERR index out of range",
  overflow: "ERR increment or decrement would overflow",
  scriptArity: "ERR Wrong number of args calling Redis command from script",
  noScriptWords: "ERR Please specify at least one argument for this redis lib call",
  notInScripts: "ERR This Redis command is not allowed from script",
  writeInReadOnlyScript: "ERR Write commands are not allowed from read-only scripts.",
  readOnlyOfWriter: "ERR Can not execute a script with write flag using *_ro command.",
  invalidCursor: "ERR invalid cursor",
} as const satisfies Record<string, string>;

/** Makes the refusal of this name. */
export function refusal(name: keyof typeof refusals): CommandError {
  return new CommandError(refusals[name]);
}

/** Makes the refusal of a command with too few or too many arguments. */
export function wrongArity(name: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}

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
