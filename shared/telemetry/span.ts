import {
  type Attributes,
  type Exception,
  isSpanContextValid,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from "@opentelemetry/api";
import { mask } from "../log.ts";

type Scalar = string | number | boolean;

/** A value of an attribute; maps and bytes, which the API allows, are not accepted. */
export type SpanValue = Scalar | readonly Scalar[];

/** Longest text, in characters; the rest is cut. */
export const maxTextLength = 512;
const maxItems = 64;

/** The value within limits, or undefined for an unsupported value. */
export function limitValue(value: unknown): SpanValue | undefined {
  if (Array.isArray(value)) {
    return value.slice(0, maxItems).map(limitScalar).filter((item) => item !== undefined);
  }
  return limitScalar(value);
}

function limitScalar(value: unknown): Scalar | undefined {
  if (typeof value === "string") return limitText(value);
  return typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

/** Masked before it is cut: no pattern recognises half a token or address. */
export function limitText(text: string): string {
  return text.length <= maxTextLength ? text : mask(text).slice(0, maxTextLength);
}

const maxAttributes = 64;
const maxEvents = 128;
const maxLinks = 128;

/** Attributes by name, within limits. */
export type SpanAttributes = ReadonlyMap<string, SpanValue>;

/** An event within a span. */
export interface SpanEvent {
  readonly name: string;
  /** Epoch milliseconds, with fractions. */
  readonly time: number;
  readonly attributes: SpanAttributes;
}

/** A related span. */
export interface SpanLink {
  readonly context: SpanContext;
  readonly attributes: SpanAttributes;
}

/** The data of one span; each exporter has its own encoding. */
export interface SpanRecord {
  readonly context: SpanContext;
  /** The parent's span id; a root has none. */
  readonly parentId: string | undefined;
  readonly isParentRemote: boolean;
  name: string;
  readonly kind: SpanKind;
  /** Epoch milliseconds, with fractions. */
  readonly start: number;
  /** Epoch milliseconds, with fractions; undefined until the span ends. */
  end: number | undefined;
  readonly attributes: Map<string, SpanValue>;
  events: SpanEvent[] | undefined;
  links: SpanLink[] | undefined;
  status: SpanStatus;
  /** How many attributes exceeded the limits. */
  droppedAttributes: number;
  droppedEvents: number;
  droppedLinks: number;
  /** The spans that share one sampling decision; only with tail sampling. */
  readonly local: LocalTrace | undefined;
}

/** Spans of one trace in this isolate that are exported or dropped together. */
export interface LocalTrace {
  readonly root: string;
  /** Every span that has begun; empty once it is decided. */
  spans: SpanRecord[];
  verdict: "open" | "kept" | "dropped";
}

/** Sets an attribute; without a name or a value nothing changes. */
export function setAttribute(record: SpanRecord, name: string, value: unknown): void {
  if (value === undefined || value === null || name === "") return;
  const limited = limitValue(value);
  const { attributes } = record;
  if (limited === undefined || (attributes.size >= maxAttributes && !attributes.has(name))) {
    record.droppedAttributes++;
    return;
  }
  attributes.set(name, limited);
}

/** Sets attributes, each as {@link setAttribute} does. */
export function setAttributes(record: SpanRecord, attributes: Attributes): void {
  for (const name in attributes) setAttribute(record, name, attributes[name]);
}

/**
 * Sets the status; OK is final, unset is ignored, and only an error has a message (specification).
 */
export function setStatus(record: SpanRecord, { code, message }: SpanStatus): void {
  if (record.status.code === SpanStatusCode.OK || code === SpanStatusCode.UNSET) return;
  const hasWords = code === SpanStatusCode.ERROR && message !== undefined;
  record.status = hasWords ? { code, message: limitText(message) } : { code };
}

/** Adds an event. */
export function addEvent(
  record: SpanRecord,
  { name, time, attributes }: { name: string; time: number; attributes: Attributes | undefined },
): void {
  if ((record.events ??= []).length >= maxEvents) record.droppedEvents++;
  else record.events.push({ name: limitText(name), time, attributes: toMap(attributes) });
}

/** Adds a link. */
export function addLink(record: SpanRecord, { context, attributes }: Link): void {
  const isFull = (record.links ??= []).length >= maxLinks;
  if (isFull || !isSpanContextValid(context)) record.droppedLinks++;
  else record.links.push({ context, attributes: toMap(attributes) });
}

/** Type, message and code: a stack can hold a query's values. */
export function exceptionAttributes(exception: Exception): Attributes {
  if (typeof exception === "string") return { "exception.message": exception };
  return {
    "exception.type": exception.name ?? exception.code,
    "exception.message": exception.message,
  };
}

const none: SpanAttributes = new Map();

function toMap(attributes: Attributes | undefined): SpanAttributes {
  if (attributes === undefined) return none;
  const map = new Map<string, SpanValue>();
  for (const name in attributes) {
    const value = limitValue(attributes[name]);
    if (name !== "" && value !== undefined && map.size < maxAttributes) map.set(name, value);
  }
  return map;
}

const own = Symbol("edgepass.span");

/** A span of ours, with its record. */
export type OwnSpan = Span & { readonly [own]: SpanRecord };

/** The record of a span, if it is one of ours that records. */
export function recordOf(span: Span | undefined): SpanRecord | undefined {
  return span !== undefined && isOwn(span) ? span[own] : undefined;
}

function isOwn(span: Span): span is OwnSpan {
  return own in span;
}

/** Dependencies of a span besides its record. */
export interface SpanEffects {
  /** Epoch milliseconds, with fractions. */
  readonly now: () => number;
  /** Receives the span when it has ended; once. */
  readonly onEnd: (span: SpanRecord) => void;
}

/** A span that writes into `record` until it ends. */
export function createSpan(record: SpanRecord, { now, onEnd }: SpanEffects): OwnSpan {
  const isOpen = () => record.end === undefined;
  const note = (name: string, time: TimeInput | undefined, attributes?: Attributes) =>
    addEvent(record, { name, time: time === undefined ? now() : toEpochMs(time), attributes });

  const span: OwnSpan = {
    [own]: record,
    spanContext: () => record.context,
    isRecording: isOpen,
    setAttribute(name, value) {
      if (isOpen()) setAttribute(record, name, value);
      return span;
    },
    setAttributes(attributes) {
      if (isOpen()) setAttributes(record, attributes);
      return span;
    },
    addEvent(name, second, time) {
      if (!isOpen()) return span;
      if (isTime(second)) note(name, second);
      else note(name, time, second);
      return span;
    },
    addLink(link) {
      if (isOpen()) addLink(record, link);
      return span;
    },
    addLinks(links) {
      for (const link of links) span.addLink(link);
      return span;
    },
    setStatus(status) {
      if (isOpen()) setStatus(record, status);
      return span;
    },
    updateName(name) {
      if (isOpen()) record.name = limitText(name);
      return span;
    },
    recordException(exception, time) {
      if (isOpen()) note("exception", time, exceptionAttributes(exception));
    },
    end(time) {
      if (!isOpen()) return;
      record.end = Math.max(record.start, time === undefined ? now() : toEpochMs(time));
      onEnd(record);
    },
  };
  return span;
}

/** Numbers are epoch milliseconds, never milliseconds since the program began. */
export function toEpochMs(time: TimeInput): number {
  if (typeof time === "number") return time;
  return Array.isArray(time) ? time[0] * 1000 + time[1] / 1e6 : time.getTime();
}

function isTime(value: Attributes | TimeInput | undefined): value is TimeInput {
  return typeof value === "number" || value instanceof Date || Array.isArray(value);
}
