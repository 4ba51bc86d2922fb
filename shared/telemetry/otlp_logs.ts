import { mask } from "../log.ts";
import { parseJson } from "../crypto/bytes.ts";
import {
  type KeyValue,
  type Resource,
  scope,
  toKeyValues,
  toNanos,
  toResource,
} from "./otlp_value.ts";

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
