import { type SpanContext, SpanStatusCode } from "@opentelemetry/api";
import { mask } from "../log.ts";
import { type Resource, scope, toAnyValue, toNanos, toResource } from "./otlp_value.ts";
import type { SpanAttributes, SpanEvent, SpanLink, SpanRecord } from "./span_record.ts";
import type { SpanValue } from "./span_value.ts";

/** The media type of OTLP/HTTP in its JSON mapping. */
export const otlpType = "application/json";

/**
 * The body of an OTLP/HTTP trace export in its JSON mapping: ids as hex, 64-bit integers as texts.
 *
 * Texts are masked. The JSON is built by hand: encoding is most of a span's cost.
 */
export function toOtlpTraces(spans: readonly SpanRecord[], resource: Resource): string {
  const encoder = createEncoder();
  return `{"resourceSpans":[{"resource":${JSON.stringify(toResource(resource))},` +
    `"scopeSpans":[{"scope":${JSON.stringify(scope)},` +
    `"spans":[${spans.map(encoder.span).join(",")}]}]}]}`;
}

/** OTLP flags beyond the eight of W3C: whether `is_remote` is known, and its value. */
const hasIsRemote = 0x100;
const isRemote = 0x200;

/** One batch repeats its names and most values: each is masked and quoted once. */
function createEncoder(): { span(span: SpanRecord): string } {
  const quoted = new Map<string, string>();

  function quote(text: string): string {
    let json = quoted.get(text);
    if (json === undefined) quoted.set(text, json = JSON.stringify(mask(text)));
    return json;
  }

  function anyValue(value: SpanValue): string {
    if (typeof value === "string") return `{"stringValue":${quote(value)}}`;
    if (Number.isSafeInteger(value)) return `{"intValue":"${value}"}`;
    return JSON.stringify(toAnyValue(value));
  }

  function attribute(key: string, value: SpanValue): string {
    return `{"key":${quote(key)},"value":${anyValue(value)}}`;
  }

  function attributes(all: SpanAttributes, dropped = 0): string {
    let list = "";
    for (const [key, value] of all) list += `${list === "" ? "" : ","}${attribute(key, value)}`;
    return `"attributes":[${list}]${count("droppedAttributesCount", dropped)}`;
  }

  function event({ name, time, attributes: all }: SpanEvent): string {
    return `{"timeUnixNano":"${toNanos(time)}","name":${quote(name)},${attributes(all)}}`;
  }

  function link({ context, attributes: all }: SpanLink): string {
    return `{${ids(context)},"flags":${context.traceFlags & 0xff},${attributes(all)}}`;
  }

  function status({ status: { code, message } }: SpanRecord): string {
    if (code === SpanStatusCode.UNSET) return "";
    const words = message === undefined ? "" : `,"message":${quote(message)}`;
    return `,"status":{"code":${code}${words}}`;
  }

  function span(span: SpanRecord): string {
    const { context, parentId, start, end = start, events, links } = span;
    const flags = context.traceFlags | hasIsRemote | (span.isParentRemote ? isRemote : 0);
    return `{${ids(context)}` +
      (parentId === undefined ? "" : `,"parentSpanId":"${parentId}"`) +
      // The API's kinds begin with INTERNAL, OTLP's with UNSPECIFIED.
      `,"flags":${flags},"name":${quote(span.name)},"kind":${span.kind + 1}` +
      `,"startTimeUnixNano":"${toNanos(start)}","endTimeUnixNano":"${toNanos(end)}",` +
      attributes(span.attributes, span.droppedAttributes) +
      (events ? `,"events":[${events.map(event).join(",")}]` : "") +
      count("droppedEventsCount", span.droppedEvents) +
      (links ? `,"links":[${links.map(link).join(",")}]` : "") +
      `${count("droppedLinksCount", span.droppedLinks)}${status(span)}}`;
  }

  return { span };
}

function ids({ traceId, spanId, traceState }: SpanContext): string {
  const state = traceState ? `,"traceState":${JSON.stringify(traceState.serialize())}` : "";
  return `"traceId":"${traceId}","spanId":"${spanId}"${state}`;
}

function count(name: string, value: number): string {
  return value === 0 ? "" : `,"${name}":${value}`;
}
