import { parseJson } from "@edgepass/shared/crypto";

/** A line of a process, if it is one of our log lines. */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly service: string;
  readonly message: string;
  readonly traceId?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Reads a log line; undefined for anything else that programs print. */
export function readLogLine(text: string): LogLine | undefined {
  if (!text.startsWith("{")) return undefined;
  const value = parse(text);
  if (!value) return undefined;
  const { time, level, service, message, traceId, ...fields } = value;
  const isOurs = [time, level, service, message].every((member) => typeof member === "string");
  if (!isOurs) return undefined;
  const trace = typeof traceId === "string" ? { traceId } : {};
  return {
    time: String(time),
    level: String(level),
    service: String(service),
    message: String(message),
    ...trace,
    fields,
  };
}

function parse(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
