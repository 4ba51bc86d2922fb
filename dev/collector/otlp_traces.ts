import * as z from "zod/mini";
import type { Attributes, Span } from "./api.ts";
import { KeyValues, toAttributes, toDurationMs, toMilliseconds, UnixNano } from "./otlp_values.ts";
import type { TracedSpan } from "./request_facts.ts";

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
