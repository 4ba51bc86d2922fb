import { type Span, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { bestEffort } from "../telemetry/best_effort.ts";
import { nameFailure } from "../context/measure.ts";
import { startTracedSpan } from "../telemetry/start_span.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { readTraceparent, toTraceparent } from "../telemetry/trace_context.ts";
import type { OutgoingEvent } from "./publisher.ts";
import type { ClaimedRow } from "./relay_rows.ts";

/** An event that is being published, with a span in the trace of the request that caused it. */
export interface OpenPublication extends OutgoingEvent {
  /** Ends the span and counts the event. */
  end(outcome: "published" | "failed" | "parked", failure?: unknown): void;
}

/** Starts the publication of an outbox row. */
export function openPublication(
  { service, telemetry, now }: { service: string; telemetry: Telemetry; now: () => number },
  { id, event, createdAt, attempts }: ClaimedRow,
): OpenPublication {
  const { type, subject, traceparent } = readOwn(event);
  const { span, trace } = startTracedSpan(telemetry.tracer, `publish ${type}`, {
    kind: SpanKind.PRODUCER,
    parent: readTraceparent(traceparent),
    attributes: {
      "edgepass.service": service,
      "edgepass.event.type": type,
      "edgepass.event.id": id,
      "edgepass.event.subject": subject,
      "edgepass.event.attempts": attempts,
    },
  });
  const of = { "edgepass.service": service, "edgepass.event.type": type };
  return {
    id,
    type,
    event,
    traceparent: toTraceparent(trace),
    end: (outcome, failure) =>
      bestEffort(() => {
        telemetry.metrics.add("edgepass.events.published", { ...of, "edgepass.outcome": outcome });
        if (outcome === "published") {
          const seconds = Math.max(0, now() - createdAt) / 1000;
          telemetry.metrics.record("edgepass.events.outbox.age", of, seconds);
        }
        endSpan(span, outcome, failure);
      }),
  };
}

function endSpan(span: Span, outcome: string, failure: unknown): void {
  span.setAttribute("edgepass.outcome", outcome);
  if (failure !== undefined) {
    span.setAttribute("error.type", typeof failure === "string" ? outcome : nameFailure(failure));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** Safe: the outbox wrote this event, so the three members exist. */
function readOwn(event: string): { type: string; subject: string; traceparent: string } {
  return JSON.parse(event);
}
