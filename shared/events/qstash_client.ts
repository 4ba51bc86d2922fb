import { Client } from "@upstash/qstash";
import { createTransport, type Fetch } from "./transport.ts";

/** Access to QStash. */
export interface QstashAccess {
  /** Origin of its REST API. */
  readonly url: string;
  /** Token of the account; it is sent only to `url`. */
  readonly token: string;
  /** Sends the requests; tests replace it. */
  readonly fetch?: Fetch | undefined;
  /** Timeout of a call; QStash may have processed it nevertheless. */
  readonly timeoutMs?: number | undefined;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** The official client with our own transport. */
export function createQstashClient(
  { url, token, fetch = globalThis.fetch, timeoutMs = 5_000, now = Date.now }: QstashAccess,
): Client {
  const client = new Client({ baseUrl: url, token, devMode: false, enableTelemetry: false });
  client.http = createTransport({ url, token, fetch, timeoutMs, now });
  return client;
}
