import { type Bytes, type Reply, toInteger } from "../protocol.ts";
import { at, type CommandTable, type Context, writes } from "./command.ts";
import { CommandError, isInt64, readInteger, refusal, refusals } from "./arguments.ts";

/** Strings as numbers. */
export const counterCommands: CommandTable = {
  INCR: writes(2, (context, args) => count(context, at(args, 0), 1n)),
  DECR: writes(2, (context, args) => count(context, at(args, 0), -1n)),
  INCRBY: writes(3, (context, args) => count(context, at(args, 0), readInteger(at(args, 1)))),
  DECRBY: writes(3, (context, args) => count(context, at(args, 0), -readDecrement(at(args, 1)))),
  INCRBYFLOAT: writes(3, countFloat),
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

/**
 * `mantissa × 2^exponent` with a mantissa of at most 64 bits: the x87 long double with which Redis
 * computes INCRBYFLOAT and HINCRBYFLOAT. Doubles would return 0.30000000000000004 for 0.3.
 */
interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const mantissaBits = 64;
const fractionDigits = 17;
const maxDecimalExponent = 4932;
const decimalForm = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,5}))?$/i;

/** Adds two decimal texts as Redis does, and writes the sum with at most 17 decimals. */
export function addDecimals(left: Bytes, right: Bytes, message: string = refusals.notFloat): Bytes {
  return format(add(parse(left, message), parse(right, message)));
}

function parse(text: Bytes, message: string): LongDouble {
  if (/^[+-]?inf(?:inity)?$/i.test(text)) {
    throw new CommandError("ERR increment would produce NaN or Infinity");
  }
  const [, sign, integerPart = "", fraction = "", power = "0"] = decimalForm.exec(text) ?? [];
  const digits = integerPart + fraction;
  const scale = Number(power) - fraction.length;
  if (digits === "" || digits.length > 5000 || Math.abs(scale) > maxDecimalExponent) {
    throw new CommandError(message);
  }
  const signed = BigInt(digits) * (sign === "-" ? -1n : 1n);
  return scale < 0
    ? round(signed, 10n ** BigInt(-scale))
    : round(signed * 10n ** BigInt(scale), 1n);
}

function add(left: LongDouble, right: LongDouble): LongDouble {
  const exponent = Math.min(left.exponent, right.exponent);
  const sum = (left.mantissa << BigInt(left.exponent - exponent)) +
    (right.mantissa << BigInt(right.exponent - exponent));
  return exponent < 0 ? round(sum, 1n << BigInt(-exponent)) : round(sum << BigInt(exponent), 1n);
}

/** Rounds a fraction to 64 bits, ties to even. */
function round(numerator: bigint, denominator: bigint): LongDouble {
  if (numerator === 0n) return { mantissa: 0n, exponent: 0 };
  const magnitude = numerator < 0n ? -numerator : numerator;
  const estimate = bitLength(magnitude) - bitLength(denominator) - mantissaBits;
  const exponent = quotientAt(magnitude, denominator, estimate) >> 64n === 0n
    ? estimate
    : estimate + 1;
  const mantissa = divideAt(magnitude, denominator, exponent);
  return { mantissa: numerator < 0n ? -mantissa : mantissa, exponent };
}

function quotientAt(numerator: bigint, denominator: bigint, exponent: number): bigint {
  return exponent < 0
    ? (numerator << BigInt(-exponent)) / denominator
    : numerator / (denominator << BigInt(exponent));
}

/** Divides by `denominator × 2^exponent`, to the nearest integer. */
function divideAt(numerator: bigint, denominator: bigint, exponent: number): bigint {
  return exponent < 0
    ? divideToEven(numerator << BigInt(-exponent), denominator)
    : divideToEven(numerator, denominator << BigInt(exponent));
}

function divideToEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}

function format({ mantissa, exponent }: LongDouble): Bytes {
  const magnitude = mantissa < 0n ? -mantissa : mantissa;
  const scaled = divideAt(magnitude * 10n ** BigInt(fractionDigits), 1n, -exponent);
  const digits = (exponent < 0 ? scaled : (magnitude << BigInt(exponent)) * 10n ** 17n)
    .toString().padStart(fractionDigits + 1, "0");
  const integerPart = digits.slice(0, -fractionDigits);
  const fraction = digits.slice(-fractionDigits).replace(/0+$/, "");
  const text = fraction === "" ? integerPart : `${integerPart}.${fraction}`;
  return mantissa < 0n && text !== "0" ? `-${text}` : text;
}
