import { readRetryExpression } from "./retry_expression.ts";

/** No delay between two attempts is longer, whether the publisher or the destination sets it. */
export const maxRetryDelayMs = 86_400_000;

/** The response headers with the time of the next attempt, in order of precedence. */
const retryAfterHeaders = [
  "retry-after",
  "x-ratelimit-reset",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens",
];

export interface FailedAttempt {
  /** How often the message had been retried when this attempt failed; 0 for the first attempt. */
  readonly retried: number;
  /** The message's `Upstash-Retry-Delay`. */
  readonly expression?: string | undefined;
  /** The response's headers by lower-case name. */
  readonly header: Readonly<Record<string, readonly string[]>>;
  readonly now: number;
}

/** The delay before the next attempt: by the response, else by the message, else by backoff. */
export function retryDelayMs({ retried, expression, header, now }: FailedAttempt): number {
  return retryAfterMs(header, now) ?? expressionMs(expression, retried) ?? backoffMs(retried + 1);
}

/** `min(86400, e^(2.5 n))` seconds before the n-th retry. */
export function backoffMs(n: number): number {
  return Math.min(maxRetryDelayMs, Math.round(Math.exp(2.5 * n) * 1_000));
}

/** An expression without a finite value for this retry is ignored. */
function expressionMs(expression: string | undefined, retried: number): number | undefined {
  const value = expression && readRetryExpression(expression)?.(retried);
  if (typeof value !== "number" || Number.isNaN(value)) return undefined;
  return Math.round(Math.min(maxRetryDelayMs, Math.max(0, value)));
}

/** Seconds, a duration or an HTTP date; more than a day is ignored. */
function retryAfterMs(header: FailedAttempt["header"], now: number): number | undefined {
  for (const name of retryAfterHeaders) {
    const text = header[name]?.[0]?.trim();
    const ms = text === undefined ? undefined : readRetryAfter(text, now);
    if (ms !== undefined && ms <= maxRetryDelayMs) return Math.round(ms);
  }
  return undefined;
}

function readRetryAfter(text: string, now: number): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const duration = readFineDuration(text);
  if (duration !== undefined) return duration;
  const date = /^[A-Z][a-z]{2}, .* GMT$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

const unitMs = { ns: 1e-6, us: 1e-3, "µs": 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const dayMs = 86_400_000;

/** Reads `50s`, `1d10h30m`: integers with the units s, m, h and d; undefined for others. */
export function readDuration(text: string): number | undefined {
  return sumOf(text, /(\d+)(s|m|h|d)/g, { ...unitMs, d: dayMs });
}

/** Reads the durations of a response's `Retry-After`: `6m5s`, `1.5h`, `300ms`. */
export function readFineDuration(text: string): number | undefined {
  return sumOf(text, /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g, unitMs);
}

function sumOf(
  text: string,
  part: RegExp,
  units: Readonly<Record<string, number>>,
): number | undefined {
  const parts = [...text.matchAll(part)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) return undefined;
  let ms = 0;
  for (const [, amount, unit = ""] of parts) ms += Number(amount) * (units[unit] ?? NaN);
  return Number.isFinite(ms) ? ms : undefined;
}
