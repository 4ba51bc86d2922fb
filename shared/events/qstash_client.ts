import { Client } from "@upstash/qstash";
import { type Fetch, PublishError, type QstashAccess, toPublishError } from "./qstash.ts";

/** The official client with our own transport; `loadQstashClient` loads it. */
export function createQstashClient(
  { url, token, fetch = globalThis.fetch, timeoutMs = 5_000, now = Date.now }: QstashAccess,
): Client {
  const client = new Client({ baseUrl: url, token, devMode: false, enableTelemetry: false });
  client.http = createTransport({ url, token, fetch, timeoutMs, now });
  return client;
}

/** Options of {@link createTransport}. */
export interface TransportOptions {
  /** Origin of QStash. */
  readonly url: string;
  readonly token: string;
  readonly fetch: Fetch;
  /** Timeout of a request. */
  readonly timeoutMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Replaces the client's own requester.
 *
 * The original has no timeout, hides `Retry-After`, and writes to the console, where every line
 * must be one JSON object. The client's `http` member is public and can be replaced.
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

/** As the original does: a list becomes repeated parameters, and undefined values are left out. */
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
