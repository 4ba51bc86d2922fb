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
    async request(
      { path, method = "POST", headers, body, query = {}, parseResponseAsJson = true },
    ) {
      const target = [url.replace(/\/$/, ""), ...path].join("/") + toQuery(query);
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
        if (parseResponseAsJson) return await response.json();
        await response.body?.cancel();
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

/** As the client's own does it: a list is repeated, what is undefined left out. */
function toQuery(query: NonNullable<Parameters<Client["http"]["request"]>[0]["query"]>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      params.append(name, String(one instanceof Date ? one.getTime() : one));
    }
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}
