import {
  bestEffort,
  type Metrics,
  type StartedSpan,
  type StartSpanOptions,
  startTracedSpan,
  type Telemetry,
} from "@edgepass/shared/telemetry";
import { nameFailure } from "@edgepass/shared/context";
import { type Attributes, SpanKind, SpanStatusCode } from "@opentelemetry/api";

/** The policy's steps that are measured. */
export type StepName = "verify" | "revocation" | "sign" | "forward" | "envelope";

/** A running step. */
export interface Step extends StartedSpan {
  /** Ends it, once. */
  end(attributes?: Attributes): void;
  /** Ends it with a failure, recorded by its code, and throws that failure again. */
  fail(failure: unknown, attributes?: Attributes): never;
}

/** The outcome of a step. */
export type Outcome<Result> = { readonly result: Result } | { readonly refusal: unknown };

/** The steps of one request, each with a span and a duration metric. */
export interface Steps {
  /** Starts the upstream call, which ends where its response begins. */
  beginCall(call: { readonly method: string; readonly peer: string }): Step;
  /** Runs a step; `describe` turns its outcome into span attributes. */
  run<Result>(
    name: StepName,
    work: () => Promise<Result>,
    describe?: (outcome: Outcome<Result>) => Attributes,
  ): Promise<Result>;
  /** Milliseconds each step took. */
  readonly durationsMs: Readonly<Partial<Record<StepName, number>>>;
}

/** Makes the steps of one request, as children of its server span. */
export function openSteps({ tracer, metrics }: Telemetry, request: StartedSpan): Steps {
  const durationsMs: Partial<Record<StepName, number>> = {};

  function begin(name: StepName, spanName: string, options: StartSpanOptions = {}): Step {
    const activeSpan = startTracedSpan(tracer, spanName, {
      ...options,
      parent: request,
      attributes: { ...options.attributes, "edgepass.service": "gateway", "edgepass.step": name },
    });
    const startedAt = performance.now();
    const { span } = activeSpan;
    const end = (attributes?: Attributes): void => {
      if (durationsMs[name] !== undefined) return;
      const tookMs = performance.now() - startedAt;
      durationsMs[name] = tookMs;
      bestEffort(() => {
        metrics.record("edgepass.gateway.step.duration", { "edgepass.step": name }, tookMs / 1000);
        if (attributes) span.setAttributes(attributes);
        span.end();
      });
    };
    return {
      ...activeSpan,
      end,
      fail(failure, attributes = {}) {
        bestEffort(() => span.setStatus({ code: SpanStatusCode.ERROR }));
        end({ ...attributes, "error.type": nameFailure(failure) });
        throw failure;
      },
    };
  }

  return {
    async run(name, work, describe) {
      const step = begin(name, `gateway.${name}`);
      const toAttributes = (outcome: Parameters<NonNullable<typeof describe>>[0]) =>
        bestEffort(() => describe && step.span.isRecording() ? describe(outcome) : undefined);
      try {
        const result = await work();
        step.end(toAttributes({ result }));
        return result;
      } catch (refusal) {
        return step.fail(refusal, toAttributes({ refusal }));
      }
    },
    // HTTP client spans are named by the method (semantic conventions for HTTP spans).
    beginCall: ({ method, peer }) =>
      measureCall(metrics, {
        method,
        peer,
        step: begin("forward", method, {
          kind: SpanKind.CLIENT,
          attributes: { "http.request.method": method, "edgepass.peer": peer },
        }),
      }),
    durationsMs,
  };
}

/** Adds the metrics of active upstream calls and of their duration. */
function measureCall(
  metrics: Metrics,
  { method, peer, step }: { method: string; peer: string; step: Step },
): Step {
  const startedAt = performance.now();
  let isActive = true;
  bestEffort(() => metrics.move("edgepass.upstream.active", { "edgepass.peer": peer }, 1));
  const finish = (failure?: string): void => {
    if (!isActive) return;
    isActive = false;
    bestEffort(() => report(failure));
  };
  function report(failure: string | undefined): void {
    metrics.move("edgepass.upstream.active", { "edgepass.peer": peer }, -1);
    metrics.record("http.client.request.duration", {
      "edgepass.service": "gateway",
      "edgepass.peer": peer,
      "http.request.method": method,
      "error.type": failure,
    }, (performance.now() - startedAt) / 1000);
  }
  return {
    ...step,
    end(attributes) {
      finish();
      step.end(attributes);
    },
    fail(failure) {
      finish(nameFailure(failure));
      return step.fail(failure);
    },
  };
}
