import { createTraceState } from "@opentelemetry/api";

/** The position of a request in its trace (W3C Trace Context, Level 1). */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits: the span that makes or serves this hop. */
  readonly spanId: string;
  /** The trace-flags field; bit 0 is `sampled`. */
  readonly flags: number;
  /** The `tracestate` that was received and is passed on, if any. */
  readonly state?: string;
}

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^,]*)?$/;

/**
 * Reads a `traceparent` header (§3.2), or returns undefined when a new trace must start.
 *
 * Version `ff` and all-zero ids are invalid; version `00` has exactly four fields, later versions
 * may have more. A comma means two headers, which counts as none. Of the flags only `sampled` is
 * read.
 */
export function readTraceparent(header: string | null | undefined): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] = traceparent.exec(header ?? "") ?? [];
  if (!version || !traceId || !spanId || !flags) return undefined;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & 1 };
}

/** The `traceparent` of an outgoing hop. */
export function toTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`;
}

/** Starts a trace. */
export function newTrace(): TraceContext {
  return { traceId: randomHex(16), spanId: randomHex(8), flags: 1 };
}

/** The next span of the same trace; every outgoing call has one of its own. */
export function childSpan(parent: TraceContext): TraceContext {
  return { ...parent, spanId: randomHex(8) };
}

function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  // All-zero ids are invalid; one fixed bit prevents them without drawing again. Ids have bytes.
  random[0]! |= 0x01;
  return random.toHex();
}

/**
 * Reads a `tracestate` header (W3C Trace Context §3.3), or returns undefined.
 *
 * A malformed header is dropped as a whole: at most 32 members of well-formed keys and values, no
 * key twice, at most 512 characters.
 */
export function readTracestate(header: string | null | undefined): string | undefined {
  if (!header || header.length > 512) return undefined;
  const members = header.split(",").map((member) => member.trim()).filter(Boolean);
  if (members.length === 0 || members.length > 32) return undefined;
  const state = createTraceState(members.join(",")).serialize();
  return state !== "" && state.split(",").length === members.length ? state : undefined;
}
