import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { mask } from "../log.ts";
import type { Resource } from "./otlp.ts";
import type { SpanRecord, SpanValue } from "./span.ts";

/** Zipkin has no kind for internal spans. */
const kinds: Readonly<Record<SpanKind, string | undefined>> = {
  [SpanKind.INTERNAL]: undefined,
  [SpanKind.SERVER]: "SERVER",
  [SpanKind.CLIENT]: "CLIENT",
  [SpanKind.PRODUCER]: "PRODUCER",
  [SpanKind.CONSUMER]: "CONSUMER",
};

/**
 * The body of `POST /api/v2/spans`: spans as Zipkin v2 JSON, mapped as OpenTelemetry defines it.
 *
 * Endpoints are our services, so that Zipkin draws them and not this one program. Zipkin has no
 * links.
 */
export function toZipkin(spans: readonly SpanRecord[], resource: Resource): string {
  return JSON.stringify(spans.map((span) => toZipkinSpan(span, resource)));
}

function toZipkinSpan(span: SpanRecord, { serviceName, instanceId }: Resource): object {
  const { context: { traceId, spanId }, parentId, start, end = start, attributes } = span;
  const kind = kinds[span.kind];
  const peer = attributes.get("edgepass.peer");
  return {
    traceId,
    id: spanId,
    ...(parentId === undefined ? {} : { parentId }),
    name: mask(span.name),
    ...(kind === undefined ? {} : { kind }),
    timestamp: toMicros(start),
    // Zipkin reads a duration of 0 as unknown.
    duration: Math.max(1, toMicros(end) - toMicros(start)),
    localEndpoint: { serviceName: toText(attributes.get("edgepass.service") ?? serviceName) },
    ...(peer === undefined ? {} : { remoteEndpoint: { serviceName: toText(peer) } }),
    annotations: (span.events ?? []).map(({ name, time, attributes }) => ({
      timestamp: toMicros(time),
      value: attributes.size === 0
        ? mask(name)
        : JSON.stringify({ [mask(name)]: toTags(attributes) }),
    })),
    tags: { ...toTags(attributes), ...statusTags(span), "service.instance.id": instanceId },
  };
}

function toTags(attributes: Iterable<readonly [string, SpanValue]>): Record<string, string> {
  return Object.fromEntries(Array.from(attributes, ([name, value]) => [name, toText(value)]));
}

function statusTags({ status: { code, message } }: SpanRecord): Record<string, string> {
  if (code === SpanStatusCode.UNSET) return {};
  if (code === SpanStatusCode.OK) return { "otel.status_code": "OK" };
  return { "otel.status_code": "ERROR", error: mask(message ?? "") };
}

function toText(value: SpanValue): string {
  return mask(typeof value === "object" ? JSON.stringify(value) : String(value));
}

function toMicros(epochMs: number): number {
  return Math.round(epochMs * 1000);
}
