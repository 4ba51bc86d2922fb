import type { Signal } from "./collector.ts";

/** Where incoming telemetry is forwarded to. */
export interface ForwardTargets {
  readonly urls: Readonly<Partial<Record<Signal, string>>>;
  /** Secret: they hold the collector's key. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ForwardEffects {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Called once when a body did not arrive. */
  readonly onFailure: (reason: string) => void;
  readonly timeoutMs?: number;
}

/** Bodies under way at once; more are dropped, because no sender waits for them. */
const maxUnderWay = 8;

/** Forwards bodies unchanged to a collector elsewhere, once each, without a retry. */
export function createForward(
  { urls, headers }: ForwardTargets,
  { fetch, onFailure, timeoutMs = 5_000 }: ForwardEffects,
): (signal: Signal, body: string) => void {
  let underWay = 0;
  let hasFailed = false;

  function fail(reason: string): void {
    if (hasFailed) return;
    hasFailed = true;
    onFailure(reason);
  }

  async function send(url: string, body: string): Promise<void> {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body,
        // A redirect would carry the collector's key to another host.
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body?.cancel();
      if (!response.ok) fail(`${new URL(url).host} returned ${response.status}`);
    } catch (error) {
      fail(`${new URL(url).host}: ${error instanceof Error ? error.name : "unknown"}`);
    }
  }

  return function forward(signal, body) {
    const url = urls[signal];
    if (url === undefined) return;
    if (underWay >= maxUnderWay) return fail(`${new URL(url).host} is too slow`);
    underWay++;
    send(url, body).finally(() => underWay--);
  };
}
