import { type Attributes, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { Problem } from "../problem.ts";
import { bestEffort, type StartedSpan, startTracedSpan } from "../telemetry/trace_context.ts";
import type { CounterName, HistogramName, MetricAttributes } from "../telemetry/catalogue.ts";
import { currentContext, type RequestContext } from "./request_context.ts";

/** Adds to a counter for the current request; outside of one it does nothing. */
export function count<Name extends CounterName>(
  name: Name,
  attributes: MetricAttributes<Name>,
  value = 1,
): void {
  bestEffort(() => currentContext()?.telemetry?.metrics.add(name, attributes, value));
}

/** Records a measurement for the current request; outside of one it does nothing. */
export function measure<Name extends HistogramName>(
  name: Name,
  attributes: MetricAttributes<Name>,
  value: number,
): void {
  bestEffort(() => currentContext()?.telemetry?.metrics.record(name, attributes, value));
}

/** Adds attributes to the span of the current request. */
export function annotate(attributes: Attributes): void {
  bestEffort(() => currentContext()?.activeSpan?.span.setAttributes(attributes));
}

/**
 * A row that exists already and a lost race are valid results of a database, not failures. Matched
 * by name: counting needs no import of `shared/sql`.
 */
const expectedErrors: ReadonlySet<string> = new Set(["UniqueViolation", "VersionConflict"]);

/**
 * Runs work of a service's own database in a span of its own, and measures it.
 *
 * Statements are counted and never shown: they may hold personal data.
 */
export async function measureDatabase<Result>(
  operation: "QUERY" | "BATCH",
  statements: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const context = currentContext();
  if (!context?.telemetry) return await work();
  const { service, telemetry: { tracer, metrics } } = context;
  const attributes = {
    "edgepass.service": service,
    "db.system.name": "sqlite",
    "db.operation.name": operation,
    "edgepass.db.statements": statements,
  };
  const { span } = startTracedSpan(tracer, operation, {
    kind: SpanKind.CLIENT,
    parent: context.activeSpan,
    attributes,
  });
  const startedAt = performance.now();
  let failure = "";
  try {
    return await work();
  } catch (error) {
    failure = nameFailure(error);
    throw error;
  } finally {
    bestEffort(() => {
      if (failure !== "") span.setAttribute("error.type", failure);
      if (failure !== "" && !expectedErrors.has(failure)) {
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
      metrics.record("db.client.operation.duration", {
        "edgepass.service": service,
        "db.operation.name": operation,
        "error.type": failure,
      }, (performance.now() - startedAt) / 1000);
    });
  }
}

/** A failure's code, or its class; messages may quote personal data. */
export function nameFailure(error: unknown): string {
  if (error instanceof Problem) return error.code;
  return error instanceof Error ? error.name : typeof error;
}

/** The counters with an outcome. */
export type OutcomeCounter = "edgepass.auth.sign_ins" | "edgepass.auth.refreshes";

/** The same function with counted outcomes: `ok`, or the code of the failure. */
export function countOutcomes<Args extends readonly unknown[], Result>(
  name: OutcomeCounter,
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async function counted(...args) {
    try {
      const result = await work(...args);
      count(name, { "edgepass.outcome": "ok" });
      return result;
    } catch (error) {
      count(name, { "edgepass.outcome": nameFailure(error) });
      throw error;
    }
  };
}

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
