import { ApiError, notSupported } from "./api.ts";
import { readDuration } from "./retry_delay.ts";
import type { Callback, Delivery, HeaderMap } from "./model.ts";
import { readRetryExpression } from "./retry_expression.ts";

/** The options of a publisher's headers. */
export interface PublishOptions {
  readonly delivery: Delivery;
  readonly delayMs?: number | undefined;
  /** Epoch milliseconds; wins over the delay. */
  readonly notBefore?: number | undefined;
  readonly deduplicationId?: string | undefined;
  readonly isContentDeduplicated: boolean;
  readonly cron?: string | undefined;
  readonly scheduleId?: string | undefined;
  readonly queueName?: string | undefined;
}

const defaultRetries = 3;
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** What may follow `Upstash-…`; `Upstash-Callback-…` takes the first five as well. */
const common = ["method", "retries", "retry-delay", "timeout", "delay"];
const own = [
  "not-before",
  "deduplication-id",
  "content-based-deduplication",
  "callback",
  "failure-callback",
  "label",
  "cron",
  "schedule-id",
  "queue-name",
];
const knownHeaders = new Set([
  ...[...common, ...own].map((name) => `upstash-${name}`),
  ...common.map((name) => `upstash-callback-${name}`),
  ...common.map((name) => `upstash-failure-callback-${name}`),
]);
const ignored = /^upstash-telemetry-/;
const forwarded = /^upstash-(?:(?:failure-)?callback-)?forward-./;

/** Headers of one connection, and those that the delivery sets itself. */
const notForwarded = new Set(["host", "content-length", "connection", "transfer-encoding"]);

/**
 * Reads the headers of a publish, enqueue or schedule request, or of one message of a batch.
 *
 * @throws {ApiError} 400 naming the malformed header, 501 for one that is unsupported here
 */
export function readPublishOptions(headers: Headers): PublishOptions {
  refuseUnknown(headers);
  const basis = readBasis(headers, "upstash-");
  const notBefore = readInteger(headers, "upstash-not-before");
  return {
    delivery: {
      method: basis.method,
      header: { ...contentType(headers), ...basis.header },
      maxRetries: basis.maxRetries ?? defaultRetries,
      retryDelay: basis.retryDelay,
      timeoutMs: basis.timeoutMs,
      labels: readLabels(headers),
      callback: readCallback(headers, "upstash-callback"),
      failureCallback: readCallback(headers, "upstash-failure-callback"),
    },
    delayMs: basis.delayMs,
    notBefore: notBefore === undefined ? undefined : notBefore * 1_000,
    deduplicationId: valueOf(headers, "upstash-deduplication-id"),
    isContentDeduplicated: valueOf(headers, "upstash-content-based-deduplication") === "true",
    cron: valueOf(headers, "upstash-cron"),
    scheduleId: valueOf(headers, "upstash-schedule-id"),
    queueName: valueOf(headers, "upstash-queue-name"),
  };
}

/** A limit or a redaction that is silently ignored would be worse than a refusal. */
function refuseUnknown(headers: Headers): void {
  for (const name of headers.keys()) {
    if (!name.startsWith("upstash-") || knownHeaders.has(name)) continue;
    if (ignored.test(name) || forwarded.test(name)) continue;
    throw notSupported(`the header ${name}`);
  }
}

function readBasis(headers: Headers, prefix: string): Omit<Callback, "url"> {
  const method = valueOf(headers, `${prefix}method`)?.toUpperCase() ?? "POST";
  if (!methods.includes(method)) throw malformed(`${prefix}method`);
  const retryDelay = valueOf(headers, `${prefix}retry-delay`);
  if (retryDelay !== undefined && !readRetryExpression(retryDelay)) {
    throw malformed(`${prefix}retry-delay`);
  }
  return {
    method,
    header: readForwarded(headers, `${prefix}forward-`),
    maxRetries: readInteger(headers, `${prefix}retries`),
    retryDelay,
    timeoutMs: readSpan(headers, `${prefix}timeout`),
    delayMs: readSpan(headers, `${prefix}delay`),
  };
}

function readCallback(headers: Headers, name: string): Callback | undefined {
  const url = valueOf(headers, name);
  if (url === undefined) return undefined;
  if (!isHttpUrl(url)) throw malformed(name);
  return { url, ...readBasis(headers, `${name}-`) };
}

function readForwarded(headers: Headers, prefix: string): HeaderMap {
  return Object.fromEntries(
    [...headers].filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), [value]] as const)
      .filter(([name]) => name !== "" && !notForwarded.has(name)),
  );
}

function contentType(headers: Headers): HeaderMap {
  const type = headers.get("content-type");
  return type === null ? {} : { "content-type": [type] };
}

function readLabels(headers: Headers): string[] {
  const text = valueOf(headers, "upstash-label") ?? "";
  return text.split(",").map((label) => label.trim()).filter((label) => label !== "");
}

function readSpan(headers: Headers, name: string): number | undefined {
  const text = valueOf(headers, name);
  const ms = text === undefined ? undefined : readDuration(text);
  if (text !== undefined && ms === undefined) throw malformed(name);
  return ms;
}

function readInteger(headers: Headers, name: string): number | undefined {
  const text = valueOf(headers, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value * 1_000)) throw malformed(name);
  return value;
}

function valueOf(headers: Headers, name: string): string | undefined {
  return headers.get(name)?.trim() || undefined;
}

/** Whether a text is an absolute URL of HTTP, written as one. */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^/]/i.test(text) && URL.canParse(text);
}

function malformed(header: string): ApiError {
  return new ApiError(400, `invalid value of the header ${header}`);
}
