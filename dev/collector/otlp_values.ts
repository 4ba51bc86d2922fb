import * as z from "zod/mini";
import type { Attributes, AttributeValue } from "./api.ts";

/** A whole number as protobuf's JSON writes 64 bits: as text, or as a number where it fits. */
const Int64 = z.union([z.string().check(z.regex(/^-?\d{1,20}$/)), z.number()]);

interface AnyValue {
  readonly stringValue?: string | undefined;
  readonly boolValue?: boolean | undefined;
  readonly intValue?: string | number | undefined;
  readonly doubleValue?: number | string | undefined;
  readonly bytesValue?: string | undefined;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] | undefined } | undefined;
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] | undefined } | undefined;
}

interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue | undefined;
}

const AnyValue: z.ZodMiniType<AnyValue> = z.object({
  stringValue: z.optional(z.string()),
  boolValue: z.optional(z.boolean()),
  intValue: z.optional(Int64),
  // Protobuf's JSON has "NaN" and "Infinity" as texts.
  doubleValue: z.optional(z.union([z.number(), z.string()])),
  bytesValue: z.optional(z.string()),
  arrayValue: z.optional(z.object({
    values: z.optional(z.array(z.lazy(() => AnyValue))),
  })),
  kvlistValue: z.optional(z.object({
    values: z.optional(z.array(z.lazy(() => KeyValue))),
  })),
});

const KeyValue: z.ZodMiniType<KeyValue> = z.object({
  key: z.string(),
  value: z.optional(AnyValue),
});

/** A list of attributes on the wire; one that is left out is empty. */
export const KeyValues: z.ZodMiniType<readonly KeyValue[]> = z._default(z.array(KeyValue), []);

/** The body of a log record on the wire. */
export const LogBody: z.ZodMiniType<AnyValue | undefined> = z.optional(AnyValue);

/** A time on the wire: nanoseconds since the epoch. */
export const UnixNano: z.ZodMiniType<string | number> = z.union([
  z.string().check(z.regex(/^\d{1,20}$/)),
  z.number().check(z.nonnegative()),
]);

/** Epoch milliseconds with fractions; the float loses less than a microsecond. */
export function toMilliseconds(nanoseconds: string | number): number {
  return Math.trunc(Number(nanoseconds) / 1000) / 1000;
}

/** The milliseconds between two times, to the nanosecond; never negative. */
export function toDurationMs(start: string | number, end: string | number): number {
  return Math.max(0, Number(toBigInt(end) - toBigInt(start)) / 1e6);
}

function toBigInt(nanoseconds: string | number): bigint {
  return BigInt(typeof nanoseconds === "number" ? Math.trunc(nanoseconds) : nanoseconds);
}

/** Attributes by their names; of two with one name the later counts. */
export function toAttributes(list: readonly KeyValue[]): Attributes {
  return Object.fromEntries(list.map(({ key, value }) => [key, toValue(value)]));
}

/** A value as JSON has it; whole numbers beyond what a double holds stay texts. */
export function toValue(value: AnyValue | undefined): AttributeValue {
  if (!value) return null;
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } =
    value;
  if (intValue !== undefined) {
    return Number.isSafeInteger(Number(intValue)) ? Number(intValue) : String(intValue);
  }
  if (arrayValue) return (arrayValue.values ?? []).map(toValue);
  if (kvlistValue) return toAttributes(kvlistValue.values ?? []);
  return stringValue ?? boolValue ?? doubleValue ?? bytesValue ?? null;
}
