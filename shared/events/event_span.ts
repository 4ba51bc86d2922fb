import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { currentContext, runInContext } from "../context/request_context.ts";
import { bestEffort } from "../telemetry/best_effort.ts";
import { nameFailure } from "../context/measure.ts";
import { startTracedSpan } from "../telemetry/start_span.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { ReadEvent } from "./cloud_event.ts";

/** Handles an event in the trace of the request that caused it. */
export async function inEventSpan<Result>(
  { service, telemetry }: { readonly service: string; readonly telemetry: Telemetry },
  { type, id, subject, trace }: ReadEvent,
  work: () => Promise<Result>,
): Promise<Result> {
  const context = currentContext();
  // If QStash forwarded the trace header, the delivery's own span is in that trace already.
  const parent = context?.activeSpan && context.trace.traceId === trace.traceId
    ? context.activeSpan
    : trace;
  const activeSpan = startTracedSpan(telemetry.tracer, `process ${type}`, {
    kind: SpanKind.CONSUMER,
    parent,
    attributes: {
      "edgepass.service": service,
      "edgepass.event.type": type,
      "edgepass.event.id": id,
      "edgepass.event.subject": subject,
    },
  });
  const { signal = new AbortController().signal } = context ?? {};
  try {
    return await runInContext(
      { service, trace: activeSpan.trace, activeSpan, telemetry, callChain: [service], signal },
      work,
    );
  } catch (error) {
    bestEffort(() => {
      activeSpan.span.setAttribute("error.type", nameFailure(error));
      activeSpan.span.setStatus({ code: SpanStatusCode.ERROR });
    });
    throw error;
  } finally {
    bestEffort(() => activeSpan.span.end());
  }
}
