import type { Client } from "@upstash/qstash";
import { PublishError, toPublishError } from "./publish_error.ts";

/** Sends one request; `fetch` without what is not needed. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How the client's requests travel. */
export interface TransportOptions {
  /** QStash. */
  readonly url: string;
  readonly token: string;
  readonly fetch: Fetch;
  /** A request that takes longer is given up. */
  readonly timeoutMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * The client's requester, on our terms.
 *
 * The client's own waits for ever, hides `Retry-After`, and writes to the console, where every line
 * has to be one JSON object. Its `http` is public so that it can be exchanged.
 */
export function createTransport(
  { url, token, fetch, timeoutMs, now }: TransportOptions,
): Client["http"] {
  return {
    async request({ path, method = "POST", headers, body, query }) {
      if (query !== undefined) throw new TypeError("Cannot send a query: nothing here needs one");
      const target = [url.replace(/\/$/, ""), ...path].join("/");
      const sent = new Headers(headers);
      sent.set("authorization", `Bearer ${token}`);
      try {
        const response = await fetch(target, {
          method,
          headers: sent,
          body: body ?? null,
          redirect: "manual",
          signal: AbortSignal.timeout(timeoutMs),
        });
        if (!response.ok) {
          await response.body?.cancel();
          throw toPublishError(response, now());
        }
        return await response.json();
      } catch (cause) {
        if (cause instanceof PublishError) throw cause;
        throw new PublishError("away", "QStash cannot be reached", { cause });
      }
    },
    requestStream() {
      throw new TypeError("Cannot stream: nothing here needs it");
    },
  };
}
