import {
  type Context,
  context,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
} from "@opentelemetry/api";

/** A tracer built from its `startSpan`. */
export function toTracer(startSpan: Tracer["startSpan"]): Tracer {
  // The API has overloads: the function is always the last argument.
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

/** `fn` returns its `ReturnType`, which the compiler does not infer for a type parameter. */
function call<F extends (span: Span) => unknown>(fn: F, span: Span): ReturnType<F> {
  return fn(span) as ReturnType<F>;
}
