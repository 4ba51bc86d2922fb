import { Client } from "@upstash/qstash";
import { createTransport, type Fetch } from "./transport.ts";

/** How QStash is reached. */
export interface QstashAccess {
  /** Origin of its REST API. */
  readonly url: string;
  /** Of the account; goes nowhere else. */
  readonly token: string;
  /** Sends the requests; a test has its own. */
  readonly fetch?: Fetch | undefined;
  /** A call that takes longer is given up; it may have been done all the same. */
  readonly timeoutMs?: number | undefined;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** The official client, on a transport of ours. */
export function createQstashClient(
  { url, token, fetch = globalThis.fetch, timeoutMs = 5_000, now = Date.now }: QstashAccess,
): Client {
  const client = new Client({ baseUrl: url, token, devMode: false, enableTelemetry: false });
  client.http = createTransport({ url, token, fetch, timeoutMs, now });
  return client;
}
