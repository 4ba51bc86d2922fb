import * as z from "zod/mini";
import type { LogLine } from "./api.ts";
import { nameService } from "./otlp_traces.ts";
import {
  KeyValues,
  LogBody,
  toAttributes,
  toMilliseconds,
  toValue,
  UnixNano,
} from "./otlp_values.ts";

const LogRecord = z.object({
  timeUnixNano: z.optional(UnixNano),
  observedTimeUnixNano: z.optional(UnixNano),
  severityNumber: z._default(z.number(), 9),
  body: LogBody,
  attributes: KeyValues,
  traceId: z.optional(z.string()),
  spanId: z.optional(z.string()),
});
type LogRecord = z.output<typeof LogRecord>;

/** The body of `POST /v1/logs`: ExportLogsServiceRequest, as far as it is stored. */
export const LogsOnWire = z.object({
  resourceLogs: z._default(
    z.array(z.object({
      resource: z.optional(z.object({ attributes: KeyValues })),
      scopeLogs: z._default(
        z.array(z.object({ logRecords: z._default(z.array(LogRecord), []) })),
        [],
      ),
    })),
    [],
  ),
});

/** The log lines of an export; one without a time gets the time it was observed, or now. */
export function toLines({ resourceLogs }: z.output<typeof LogsOnWire>, now: number): LogLine[] {
  return resourceLogs.flatMap(({ resource, scopeLogs }) => {
    const program = nameService(toAttributes(resource?.attributes ?? []));
    return scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((record) => toLine(record, program, now))
    );
  });
}

function toLine(record: LogRecord, program: string, now: number): LogLine {
  const { "edgepass.service": service, ...fields } = toAttributes(record.attributes);
  const { timeUnixNano: time, observedTimeUnixNano: seen } = record;
  const body = toValue(record.body);
  return {
    time: time && time !== "0" ? toMilliseconds(time) : seen ? toMilliseconds(seen) : now,
    level: nameLevel(record.severityNumber),
    service: typeof service === "string" && service !== "" ? service : program,
    traceId: hexOf(record.traceId, 32),
    spanId: hexOf(record.spanId, 16),
    message: typeof body === "string" ? body : JSON.stringify(body),
    fields,
  };
}

/** Severity numbers come in fours: trace, debug, info, warn, error, fatal. */
function nameLevel(severity: number): string {
  if (severity >= 17) return "error";
  if (severity >= 13) return "warn";
  return severity >= 9 || severity === 0 ? "info" : "debug";
}

function hexOf(text: string | undefined, digits: number): string | null {
  const isId = text !== undefined && text.length === digits && /^[0-9a-f]+$/.test(text) &&
    !/^0+$/.test(text);
  return isId ? text : null;
}
