import {
  context,
  isValidSpanId,
  isValidTraceId,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { toTracer } from "./active_span.ts";
import type { RandomHex } from "./ids.ts";
import { isSampled } from "./sampling.ts";
import { createSpan, recordOf, toEpochMs } from "./span.ts";
import { addLink, setAttributes, type SpanRecord } from "./span_record.ts";
import { limitText } from "./span_value.ts";
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
