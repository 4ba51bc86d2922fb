import type { Logger } from "../log.ts";
import type { Signal, Target } from "./targets.ts";

/** Posts what `encode` makes to a collector; answers whether it was taken, and never rejects. */
export type Send = (signal: Signal, target: Target, encode: () => string) => Promise<boolean>;

/** What sending needs. */
export interface SenderEffects {
  /** Asks the collector. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Told of failures, at most once a minute. */
  readonly log: Logger;
  /** For one answer, in milliseconds. */
  readonly timeoutMs?: number;
}

/** Answers after which OTLP/HTTP has a client try again. */
const passing = new Set([429, 502, 503, 504]);
const defaultWaitMs = 1_000;
const maxWaitMs = 5_000;
const warnEveryMs = 60_000;

/** A sender that tries twice where the collector says it is busy, unless it wants more than 5 s. */
export function createSender(
  { fetch, now, wait, log, timeoutMs = 10_000 }: SenderEffects,
): Send {
  let complainedAt = Number.NEGATIVE_INFINITY;

  /** Neither path nor query nor the error's message, which quotes them: keys can stand in each. */
  function complain(signal: Signal, { url }: Target, reason: string): void {
    if (now() - complainedAt < warnEveryMs) return;
    complainedAt = now();
    log.warn("Telemetry was not exported", { signal, collector: new URL(url).host, reason });
  }

  async function post({ url, headers }: Target, body: string): Promise<Response> {
    const aborter = new AbortController();
    const timer = setTimeout(
      () => aborter.abort(new DOMException("No answer in time", "TimeoutError")),
      timeoutMs,
    );
    try {
      const response = await fetch(url, {
        method: "POST",
        // Types are ours; a redirect would carry the key to wherever it points.
        headers: { ...headers, "content-type": "application/json" },
        redirect: "manual",
        body,
        signal: aborter.signal,
      });
      await response.body?.cancel();
      return response;
    } finally {
      clearTimeout(timer);
    }
  }

  return async function send(signal, target, encode) {
    try {
      const body = encode();
      let response = await post(target, body);
      const waitMs = passing.has(response.status) ? readRetryAfter(response, now()) : Infinity;
      if (waitMs <= maxWaitMs) {
        await wait(waitMs);
        response = await post(target, body);
      }
      if (response.ok) return true;
      complain(signal, target, `HTTP ${response.status}`);
    } catch (error) {
      complain(signal, target, error instanceof Error ? error.name : "unknown");
    }
    return false;
  };
}

/** Milliseconds to wait (RFC 9110 §10.2.3): seconds or a date. */
function readRetryAfter(response: Response, nowMs: number): number {
  const text = response.headers.get("retry-after");
  if (text === null) return defaultWaitMs;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? defaultWaitMs : Math.max(0, ms);
}
