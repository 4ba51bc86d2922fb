import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { RequestContext } from "./request_context.ts";
import { bestEffort } from "../telemetry/best_effort.ts";
import { nameFailure } from "./measure.ts";
import { type StartedSpan, startTracedSpan } from "../telemetry/start_span.ts";

/** A call to another service in flight. */
export interface StartedCall extends StartedSpan {
  /** Ends it with the response's status, or with the failure. */
  end(outcome: { readonly status: number } | { readonly failure: unknown }): void;
}

/** Starts the span of a call of the current request; without telemetry there is none. */
export function startCall(
  { service, activeSpan, telemetry, trace }: RequestContext,
  { peer, method }: { readonly peer: string; readonly method: string },
): StartedCall | undefined {
  if (!telemetry) return undefined;
  const attributes = {
    "edgepass.service": service,
    "edgepass.peer": peer,
    "http.request.method": method,
  };
  const call = startTracedSpan(telemetry.tracer, method, {
    kind: SpanKind.CLIENT,
    parent: activeSpan ?? trace,
    attributes,
  });
  const startedAt = performance.now();
  return {
    ...call,
    end: (outcome) =>
      bestEffort(() => {
        const failure = nameOutcome(outcome);
        if ("status" in outcome) {
          call.span.setAttribute("http.response.status_code", outcome.status);
        }
        if (failure !== undefined) {
          call.span.setAttribute("error.type", failure);
          call.span.setStatus({ code: SpanStatusCode.ERROR });
        }
        call.span.end();
        telemetry.metrics.record(
          "http.client.request.duration",
          { ...attributes, "error.type": failure },
          (performance.now() - startedAt) / 1000,
        );
      }),
  };
}

function nameOutcome(
  outcome: { readonly status: number } | { readonly failure: unknown },
): string | undefined {
  if ("failure" in outcome) return nameFailure(outcome.failure);
  // For a caller any 4xx is an error too (semantic conventions for HTTP spans).
  return outcome.status >= 400 ? String(outcome.status) : undefined;
}
