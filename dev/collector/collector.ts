import * as z from "zod/mini";
import { parseBody, readJsonText, Refusal, toJsonResponse } from "./refusal.ts";
import { type TracedSpan, withoutProbes } from "./request_facts.ts";
import type { Batch } from "./store.ts";
import type { Attributes, LogLine, Span } from "./api.ts";
import {
  KeyValues,
  LogBody,
  toAttributes,
  toDurationMs,
  toMilliseconds,
  toValue,
  UnixNano,
} from "./otlp_values.ts";

export type Signal = "traces" | "metrics" | "logs";

export interface CollectorOptions {
  /** Takes the content of a body. */
  readonly take: (batch: Batch) => void;
  /** Called when metrics arrive; the store has none. */
  readonly onMetrics: () => void;
  /** Forwards a valid body unchanged to a collector elsewhere. */
  readonly forward?: ((signal: Signal, body: string) => void) | undefined;
  /** Whether logs are stored; not where the same lines also come by another way. */
  readonly keepsLogs?: boolean;
  readonly now: () => number;
  readonly maxBytes?: number;
}

/** Handles an export of OTLP/HTTP. @throws {Refusal} 400, 413, 415 */
export type Collect = (signal: Signal, request: Request) => Promise<Response>;

const MetricsOnWire = z.object({ resourceMetrics: z._default(z.array(z.unknown()), []) });

/**
 * Makes the receiver of OTLP/HTTP in its JSON mapping. Unknown members are ignored; a body with
 * anything else invalid is refused as a whole.
 */
export function createCollector(
  { take, onMetrics, forward, keepsLogs = true, now, maxBytes = 4 * 1024 * 1024 }: CollectorOptions,
): Collect {
  const store: Readonly<Record<Signal, (body: unknown) => void>> = {
    traces: (body) => take({ spans: withoutProbes(toSpans(parse(TracesOnWire, body))) }),
    logs(body) {
      const lines = toLines(parse(LogsOnWire, body), now());
      if (keepsLogs) take({ lines });
    },
    metrics(body) {
      parse(MetricsOnWire, body);
      onMetrics();
    },
  };
  return async function collect(signal, request) {
    const text = await readJsonText(request, maxBytes);
    store[signal](parseBody(text));
    forward?.(signal, text);
    return toJsonResponse({});
  };
}

function parse<Schema extends z.ZodMiniType>(schema: Schema, body: unknown): z.output<Schema> {
  const { data, error } = z.safeParse(schema, body);
  if (!error) return data;
  const [issue] = error.issues;
  const where = issue?.path.join(".") || "the body";
  throw new Refusal(400, `The body is not an export: ${where} is invalid`);
}

const TraceId = z.string().check(z.regex(/^(?!0{32})[0-9a-f]{32}$/));
const SpanId = z.string().check(z.regex(/^(?!0{16})[0-9a-f]{16}$/));

const SpanOnWire = z.object({
  traceId: TraceId,
  spanId: SpanId,
  parentSpanId: z.optional(z.string()),
  name: z.string(),
  kind: z._default(z.number(), 0),
  startTimeUnixNano: UnixNano,
  endTimeUnixNano: UnixNano,
  attributes: KeyValues,
  events: z._default(
    z.array(
      z.object({
        name: z._default(z.string(), ""),
        timeUnixNano: UnixNano,
        attributes: KeyValues,
      }),
    ),
    [],
  ),
  links: z._default(z.array(z.object({ traceId: TraceId, spanId: SpanId })), []),
  status: z.optional(z.object({ code: z._default(z.number(), 0) })),
});
type SpanOnWire = z.output<typeof SpanOnWire>;

const Resource = z.optional(z.object({ attributes: KeyValues }));

/** The body of `POST /v1/traces`: ExportTraceServiceRequest, as far as it is stored. */
export const TracesOnWire = z.object({
  resourceSpans: z._default(
    z.array(z.object({
      resource: Resource,
      scopeSpans: z._default(z.array(z.object({ spans: z._default(z.array(SpanOnWire), []) })), []),
    })),
    [],
  ),
});

/** The spans of an export, in its order. */
export function toSpans({ resourceSpans }: z.output<typeof TracesOnWire>): TracedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const program = nameService(toAttributes(resource?.attributes ?? []));
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => toSpan(span, program)));
  });
}

const kinds = ["internal", "internal", "server", "client", "producer", "consumer"] as const;
const statuses = ["unset", "ok", "error"] as const;

function toSpan(span: SpanOnWire, program: string): TracedSpan {
  const { "edgepass.service": service, ...attributes } = toAttributes(span.attributes);
  const { startTimeUnixNano: start, endTimeUnixNano: end } = span;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentId: z.safeParse(SpanId, span.parentSpanId).data ?? null,
    name: span.name,
    kind: kinds[span.kind] ?? "internal",
    service: typeof service === "string" && service !== "" ? service : program,
    start: toMilliseconds(start),
    durationMs: toDurationMs(start, end),
    status: statuses[span.status?.code ?? 0] ?? "unset",
    attributes,
    events: span.events.map((event): Span["events"][number] => ({
      name: event.name,
      time: toMilliseconds(event.timeUnixNano),
      attributes: toAttributes(event.attributes),
    })),
    links: span.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
  };
}

/** The name of the service that a resource describes; several of ours may share one process. */
export function nameService(resource: Attributes): string {
  const name = resource["service.name"];
  return typeof name === "string" && name !== "" ? name : "unknown";
}

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
