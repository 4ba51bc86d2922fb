import type { Attributes, Span, TimeInput } from "@opentelemetry/api";
import {
  addEvent,
  addLink,
  exceptionAttributes,
  setAttribute,
  setAttributes,
  setStatus,
  type SpanRecord,
} from "./span_record.ts";
import { limitText } from "./span_value.ts";

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
