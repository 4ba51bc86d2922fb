import { type SpanContext, SpanStatusCode } from "@opentelemetry/api";
import { parseJson } from "../crypto/encoding.ts";
import { mask } from "../log.ts";
import type { MetricPoint, MetricSnapshot, MetricsSnapshot } from "./metrics.ts";
import type { SpanAttributes, SpanEvent, SpanLink, SpanRecord, SpanValue } from "./span.ts";

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

/**
 * The body of an OTLP/HTTP trace export in its JSON mapping: ids as hex, 64-bit integers as texts.
 *
 * Texts are masked. The JSON is built by hand: encoding is most of a span's cost.
 */
export function toOtlpTraces(spans: readonly SpanRecord[], resource: Resource): string {
  const encoder = createEncoder();
  return `{"resourceSpans":[{"resource":${JSON.stringify(toResource(resource))},` +
    `"scopeSpans":[{"scope":${JSON.stringify(scope)},` +
    `"spans":[${spans.map(encoder.span).join(",")}]}]}]}`;
}

/** OTLP flags beyond the eight of W3C: whether `is_remote` is known, and its value. */
const hasIsRemote = 0x100;
const isRemote = 0x200;

/** One batch repeats its names and most values: each is masked and quoted once. */
function createEncoder(): { span(span: SpanRecord): string } {
  const quoted = new Map<string, string>();

  function quote(text: string): string {
    let json = quoted.get(text);
    if (json === undefined) quoted.set(text, json = JSON.stringify(mask(text)));
    return json;
  }

  function anyValue(value: SpanValue): string {
    if (typeof value === "string") return `{"stringValue":${quote(value)}}`;
    if (Number.isSafeInteger(value)) return `{"intValue":"${value}"}`;
    return JSON.stringify(toAnyValue(value));
  }

  function attribute(key: string, value: SpanValue): string {
    return `{"key":${quote(key)},"value":${anyValue(value)}}`;
  }

  function attributes(all: SpanAttributes, dropped = 0): string {
    let list = "";
    for (const [key, value] of all) list += `${list === "" ? "" : ","}${attribute(key, value)}`;
    return `"attributes":[${list}]${count("droppedAttributesCount", dropped)}`;
  }

  function event({ name, time, attributes: all }: SpanEvent): string {
    return `{"timeUnixNano":"${toNanos(time)}","name":${quote(name)},${attributes(all)}}`;
  }

  function link({ context, attributes: all }: SpanLink): string {
    return `{${ids(context)},"flags":${context.traceFlags & 0xff},${attributes(all)}}`;
  }

  function status({ status: { code, message } }: SpanRecord): string {
    if (code === SpanStatusCode.UNSET) return "";
    const words = message === undefined ? "" : `,"message":${quote(message)}`;
    return `,"status":{"code":${code}${words}}`;
  }

  function span(span: SpanRecord): string {
    const { context, parentId, start, end = start, events, links } = span;
    const flags = context.traceFlags | hasIsRemote | (span.isParentRemote ? isRemote : 0);
    return `{${ids(context)}` +
      (parentId === undefined ? "" : `,"parentSpanId":"${parentId}"`) +
      // The API's kinds begin with INTERNAL, OTLP's with UNSPECIFIED.
      `,"flags":${flags},"name":${quote(span.name)},"kind":${span.kind + 1}` +
      `,"startTimeUnixNano":"${toNanos(start)}","endTimeUnixNano":"${toNanos(end)}",` +
      attributes(span.attributes, span.droppedAttributes) +
      (events ? `,"events":[${events.map(event).join(",")}]` : "") +
      count("droppedEventsCount", span.droppedEvents) +
      (links ? `,"links":[${links.map(link).join(",")}]` : "") +
      `${count("droppedLinksCount", span.droppedLinks)}${status(span)}}`;
  }

  return { span };
}

function ids({ traceId, spanId, traceState }: SpanContext): string {
  const state = traceState ? `,"traceState":${JSON.stringify(traceState.serialize())}` : "";
  return `"traceId":"${traceId}","spanId":"${spanId}"${state}`;
}

function count(name: string, value: number): string {
  return value === 0 ? "" : `,"${name}":${value}`;
}

/** A finished log line, and when it was taken, epoch milliseconds. */
export interface TakenLine {
  readonly line: string;
  readonly takenMs: number;
}

/** SeverityNumber of OTLP, by our levels. */
const severities: ReadonlyMap<unknown, number> = new Map([
  ["debug", 5],
  ["info", 9],
  ["warn", 13],
  ["error", 17],
]);

/** The body of an OTLP/HTTP logs export in its JSON mapping. */
export function toOtlpLogs(lines: readonly TakenLine[], resource: Resource): string {
  const logRecords = lines.map(toLogRecord);
  return JSON.stringify({
    resourceLogs: [{ resource: toResource(resource), scopeLogs: [{ scope, logRecords }] }],
  });
}

function toLogRecord({ line, takenMs }: TakenLine): object {
  const observedTimeUnixNano = toNanos(takenMs);
  const members = parse(line);
  if (!members) return { observedTimeUnixNano, body: { stringValue: mask(line) } };
  const { time, level, service, message, traceId, spanId, ...fields } = members;
  const timeMs = typeof time === "string" ? Date.parse(time) : Number.NaN;
  const severityNumber = severities.get(level);
  return {
    timeUnixNano: toNanos(Number.isNaN(timeMs) ? takenMs : timeMs),
    observedTimeUnixNano,
    ...(severityNumber === undefined ? {} : { severityNumber, severityText: String(level) }),
    body: { stringValue: mask(String(message ?? "")) },
    attributes: toAttributes(service, fields),
    ...(isHex(traceId, 32) ? { traceId } : {}),
    ...(isHex(spanId, 16) ? { spanId } : {}),
  };
}

function toAttributes(service: unknown, fields: Readonly<Record<string, unknown>>): KeyValue[] {
  const own = service === undefined ? [] : [["edgepass.service", service] as const];
  // Attribute names are unique within a record.
  const others = Object.entries(fields).filter(([name]) => name !== "edgepass.service");
  return toKeyValues([...own, ...others]);
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(line);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? { ...value } : undefined;
}

function isHex(value: unknown, length: number): value is string {
  return typeof value === "string" && value.length === length && /^[0-9a-f]+$/.test(value) &&
    !/^0+$/.test(value);
}

/** Every export holds the totals since the program began. */
const cumulative = 2;

/** The body of an OTLP/HTTP metrics export in its JSON mapping. */
export function toOtlpMetrics(snapshot: MetricsSnapshot, resource: Resource): string {
  const times = {
    startTimeUnixNano: toNanos(snapshot.startMs),
    timeUnixNano: toNanos(snapshot.timeMs),
  };
  const metrics = snapshot.metrics.map((metric) => toMetric(metric, times));
  return JSON.stringify({
    resourceMetrics: [{ resource: toResource(resource), scopeMetrics: [{ scope, metrics }] }],
  });
}

type Times = Readonly<Record<"startTimeUnixNano" | "timeUnixNano", string>>;

function toMetric({ name, definition, points }: MetricSnapshot, times: Times): object {
  const { kind, unit, meaning: description, service } = definition;
  const dataPoints = points.map((point) => ({
    attributes: toKeyValues([
      ...(service === undefined ? [] : [["edgepass.service", service] as const]),
      ...point.attributes,
    ]),
    ...times,
    ...(kind === "histogram"
      ? toHistogram(point, definition.buckets ?? [])
      : toNumber(point.value)),
  }));
  const head = { name, description, unit };
  switch (kind) {
    case "counter":
      return {
        ...head,
        sum: { dataPoints, aggregationTemporality: cumulative, isMonotonic: true },
      };
    case "gauge":
      return { ...head, gauge: { dataPoints } };
    case "histogram":
      return { ...head, histogram: { dataPoints, aggregationTemporality: cumulative } };
  }
}

function toNumber(value: number): object {
  return Number.isSafeInteger(value) ? { asInt: String(value) } : { asDouble: value };
}

function toHistogram({ buckets, sum, count }: MetricPoint, explicitBounds: readonly number[]) {
  return { count: String(count), sum, bucketCounts: buckets.map(String), explicitBounds };
}
