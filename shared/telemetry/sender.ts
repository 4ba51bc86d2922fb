import type { Logger } from "../log.ts";
import type { Signal, Target } from "./targets.ts";

/**
 * Posts the result of `encode` to a collector; returns whether it was accepted, and never rejects.
 */
export type Send = (signal: Signal, target: Target, encode: () => string) => Promise<boolean>;

/** Dependencies of a sender. */
export interface SenderEffects {
  /** Calls the collector. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Receives failures, at most one a minute. */
  readonly log: Logger;
  /** The limit of one request, in milliseconds. */
  readonly timeoutMs?: number;
}

/** Statuses after which OTLP/HTTP has a client retry. */
const passing = new Set([429, 502, 503, 504]);
const defaultWaitMs = 1_000;
const maxWaitMs = 5_000;
const warnEveryMs = 60_000;

/** A sender that retries once when the collector is busy, unless its `Retry-After` exceeds 5 s. */
export function createSender(
  { fetch, now, wait, log, timeoutMs = 10_000 }: SenderEffects,
): Send {
  let complainedAt = Number.NEGATIVE_INFINITY;

  /** Neither path nor query nor the error's message, which quotes them: each can hold a key. */
  function warn(signal: Signal, { url }: Target, reason: string): void {
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
        // The content type is ours; a redirect would send the key to its target.
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
      warn(signal, target, `HTTP ${response.status}`);
    } catch (error) {
      warn(signal, target, error instanceof Error ? error.name : "unknown");
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
