import {
  type Attributes,
  type Exception,
  isSpanContextValid,
  type Link,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from "@opentelemetry/api";
import { limitText, limitValue, type SpanValue } from "./span_value.ts";

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
