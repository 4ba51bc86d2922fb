import {
  type Context,
  context,
  isValidSpanId,
  isValidTraceId,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import {
  addLink,
  createSpan,
  limitText,
  recordOf,
  setAttributes,
  type SpanRecord,
  toEpochMs,
} from "./span.ts";
import { createTail, type Tail } from "./tail.ts";

/** Options of a tracer. */
export interface TracerOptions {
  /**
   * Which spans are recorded: `head` those of sampled traces, `tail` all, to decide when the local
   * root has ended, and `none` nothing; ids and flags are valid in each.
   */
  readonly mode: "head" | "tail" | "none";
  /** Share of the traces that begin here and are sampled, 0 to 1. */
  readonly ratio: number;
  /** A local root that lasts longer is exported by `tail`. */
  readonly slowMs: number;
  /** Epoch milliseconds, with fractions. */
  readonly now: () => number;
  /** Generates ids. */
  readonly randomHex: RandomHex;
  /** Receives every exported span, ended. */
  readonly keep: (span: SpanRecord) => void;
  /** Called for every span that was dropped at a limit. */
  readonly onDrop: () => void;
}

const sampled = 1;
const service = "edgepass.service";

/**
 * A tracer whose spans are plain records.
 *
 * The parent is the span of the context. Its sampled flag is followed; a span without a parent
 * begins a trace and is sampled by the ratio. A parent whose span id is all zero sets the id and
 * the flag of a new trace, whose root has no parent. A span without `edgepass.service` has its
 * parent's.
 */
export function createTracer(options: TracerOptions): Tracer {
  const { mode, now } = options;
  const tail = mode === "tail" ? createTail(options) : undefined;
  const effects = { now, onEnd: tail ? tail.end : options.keep };

  return toTracer(function startSpan(name, settings = {}, ctx = context.active()) {
    const parent = settings.root ? undefined : trace.getSpan(ctx);
    const from = continued(parent);
    const own = newContext(from, options);
    if (mode === "none" || (mode === "head" && own.traceFlags === 0)) {
      return trace.wrapSpanContext(own);
    }
    const above = recordOf(parent);
    const start = settings.startTime === undefined ? now() : toEpochMs(settings.startTime);
    const record = newRecord(own, { name, kind: settings.kind, start, from, above, tail });
    if (settings.attributes) setAttributes(record, settings.attributes);
    inheritService(record, above);
    for (const link of settings.links ?? []) addLink(record, link);
    tail?.add(record);
    return createSpan(record, effects);
  });
}

function continued(parent: Span | undefined): SpanContext | undefined {
  const from = parent?.spanContext();
  return from !== undefined && isValidTraceId(from.traceId) ? from : undefined;
}

function newContext(
  from: SpanContext | undefined,
  { ratio, randomHex }: TracerOptions,
): SpanContext {
  const traceId = from?.traceId ?? randomHex(16);
  const isKept = from ? (from.traceFlags & sampled) !== 0 : isSampled(traceId, ratio);
  const own: SpanContext = { traceId, spanId: randomHex(8), traceFlags: isKept ? sampled : 0 };
  if (from?.traceState) own.traceState = from.traceState;
  return own;
}

interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind | undefined;
  readonly start: number;
  readonly from: SpanContext | undefined;
  readonly above: SpanRecord | undefined;
  readonly tail: Tail | undefined;
}

function newRecord(
  own: SpanContext,
  { name, kind = SpanKind.INTERNAL, start, from, above, tail }: SpanStart,
): SpanRecord {
  const parentId = from && isValidSpanId(from.spanId) ? from.spanId : undefined;
  return {
    context: own,
    parentId,
    isParentRemote: from?.isRemote === true,
    name: limitText(name),
    kind,
    start,
    end: undefined,
    attributes: new Map(),
    events: undefined,
    links: undefined,
    status: { code: SpanStatusCode.UNSET },
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    local: tail && (above?.local ?? tail.join(own, parentId)),
  };
}

function inheritService(record: SpanRecord, above: SpanRecord | undefined): void {
  const inherited = above?.attributes.get(service);
  if (inherited !== undefined && !record.attributes.has(service)) {
    record.attributes.set(service, inherited);
  }
}

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

/**
 * Whether a trace belongs to the share `ratio` (0 to 1) of all traces.
 *
 * The low 56 bits of the trace id are its randomness (W3C Trace Context Level 2, §3.2.2.5), and a
 * trace is sampled when they reach `(1 - ratio) * 2^56`, as in OpenTelemetry's consistent
 * probability sampling: every program decides alike, and a greater ratio includes all traces of a
 * smaller one.
 */
export function isSampled(traceId: string, ratio: number): boolean {
  if (ratio >= 1) return true;
  // The greatest ids round up to 2^56, which would reach even the threshold of ratio 0.
  if (!(ratio > 0)) return false;
  return Number.parseInt(traceId.slice(-14), 16) / 2 ** 56 >= 1 - ratio;
}

/** Generates ids of `bytes` random bytes, a multiple of 8, as lower-case hex. */
export type RandomHex = (bytes: number) => string;

const poolBytes = 2048;

/**
 * A source of ids that requests random bytes in large blocks, as each request costs more than the
 * rest of a span.
 *
 * No id is all zero, which is invalid: the first bit of every eighth byte is fixed, and none of
 * these bits is among the 56 that sampling reads.
 */
export function createRandomHex(): RandomHex {
  const bytes = new Uint8Array(poolBytes);
  let hex = "";
  let at = 0;
  return function randomHex(count) {
    const end = at + count * 2;
    if (end > hex.length) {
      crypto.getRandomValues(bytes);
      // The index stays inside of the array.
      for (let index = 0; index < poolBytes; index += 8) bytes[index]! |= 0x80;
      hex = bytes.toHex();
      at = count * 2;
      return hex.slice(0, at);
    }
    const id = hex.slice(at, end);
    at = end;
    return id;
  };
}

/** The time sources of a clock. */
export interface ClockSources {
  /** Epoch milliseconds, whole ones. */
  readonly wall?: () => number;
  /** Milliseconds since `origin`, with fractions. */
  readonly steady?: () => number;
  /** Epoch milliseconds when the steady clock began. */
  readonly origin?: number;
}

const checkEveryMs = 1_000;
const maxDriftMs = 20;

/**
 * Epoch milliseconds with fractions, for spans shorter than a millisecond.
 *
 * The steady clock does not follow corrections of the wall clock or the sleep of a laptop: once a
 * second the two are compared, and the wall clock wins when they differ by 20 ms or more.
 */
export function createClock(
  {
    wall = Date.now,
    steady = () => performance.now(),
    origin = performance.timeOrigin,
  }: ClockSources = {},
): () => number {
  let base = origin;
  let checkedAt = Number.NEGATIVE_INFINITY;
  return function now() {
    const elapsed = steady();
    if (elapsed - checkedAt > checkEveryMs) {
      checkedAt = elapsed;
      const truth = wall();
      if (Math.abs(truth - base - elapsed) > maxDriftMs) base = truth - elapsed;
    }
    return base + elapsed;
  };
}
