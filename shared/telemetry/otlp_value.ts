import { mask } from "../log.ts";

/** The AnyValue of OTLP in its JSON mapping. */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  /** 64-bit integers are decimal texts in JSON. */
  | { readonly intValue: string }
  /** JSON has no numbers for these three. */
  | { readonly doubleValue: number | "NaN" | "Infinity" | "-Infinity" }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values: readonly KeyValue[] } }
  /** Nothing, which JSON's null stands for in a log line. */
  | Readonly<Record<string, never>>;

/** One attribute. */
export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** Attributes; texts are masked, members without a name or a value left out. */
export function toKeyValues(members: Iterable<readonly [string, unknown]>): KeyValue[] {
  const all: KeyValue[] = [];
  for (const [key, value] of members) {
    if (key !== "" && value !== undefined) all.push({ key, value: toAnyValue(value) });
  }
  return all;
}

/** A value of JSON, or of a span's attribute; it must not contain itself. */
export function toAnyValue(value: unknown): AnyValue {
  if (typeof value === "string") return { stringValue: mask(value) };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return toNumberValue(value);
  if (Array.isArray(value)) return { arrayValue: { values: value.map(toAnyValue) } };
  if (typeof value !== "object" || value === null) return {};
  return { kvlistValue: { values: toKeyValues(Object.entries(value)) } };
}

function toNumberValue(value: number): AnyValue {
  if (Number.isSafeInteger(value)) return { intValue: String(value) };
  if (Number.isFinite(value)) return { doubleValue: value };
  return { doubleValue: Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity" };
}

/** Epoch nanoseconds as a decimal text, of epoch milliseconds with fractions. */
export function toNanos(epochMs: number): string {
  const wholeMs = Math.floor(epochMs);
  // A double has about 0.2 µs left for the fraction: rounding could carry, and six digits suffice.
  const fraction = Math.floor((epochMs - wholeMs) * 1e6);
  return `${wholeMs}${String(fraction).padStart(6, "0")}`;
}

/** The common attributes of everything that a program exports. */
export interface Resource {
  /** `service.name`. */
  readonly serviceName: string;
  /** Random, one for each isolate. */
  readonly instanceId: string;
}

/** The instrumentation scope of all our telemetry. */
export const scope = { name: "edgepass" } as const;

/** The attributes of a resource. */
export function toResource({ serviceName, instanceId }: Resource): { attributes: KeyValue[] } {
  return {
    attributes: toKeyValues([
      ["service.name", serviceName],
      ["service.namespace", "edgepass"],
      ["service.instance.id", instanceId],
      ["telemetry.sdk.name", "edgepass"],
      ["telemetry.sdk.language", "webjs"],
      ["telemetry.sdk.version", "1"],
    ]),
  };
}
