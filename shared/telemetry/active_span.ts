import {
  type Context,
  context,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
} from "@opentelemetry/api";

/** A tracer made of its `startSpan`. */
export function toTracer(startSpan: Tracer["startSpan"]): Tracer {
  // The overloads of the API: the function is what comes last.
  function startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    second: SpanOptions | F,
    third?: Context | F,
    fourth?: F,
  ): ReturnType<F> {
    const fn = [second, third, fourth].find((value) => typeof value === "function");
    if (!fn) throw new TypeError("Cannot start an active span without a function to run");
    const ctx = typeof third === "object" ? third : context.active();
    const span = startSpan(name, typeof second === "object" ? second : {}, ctx);
    return context.with(trace.setSpan(ctx, span), () => call(fn, span));
  }
  return { startSpan, startActiveSpan };
}

/** What an `F` returns is its `ReturnType`, which the compiler does not see of a type parameter. */
function call<F extends (span: Span) => unknown>(fn: F, span: Span): ReturnType<F> {
  return fn(span) as ReturnType<F>;
}
