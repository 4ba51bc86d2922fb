import { type Attempt, type HeaderMap, type Message, type Random, toHeaderMap } from "./model.ts";
import { signDelivery } from "./signing_keys.ts";

/** Calls `callback` once after `ms`; the returned function prevents it. */
export type After = (ms: number, callback: () => void) => () => void;

export interface AttemptOptions {
  readonly fetch: typeof fetch;
  readonly after: After;
  readonly now: () => number;
  readonly random: Random;
  /** For messages without a timeout of their own. */
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  /** Aborted when the server closes. */
  readonly closed: AbortSignal;
}

/** Delivers a message once. A failure is the attempt's error; nothing is thrown. */
export async function attempt(
  message: Message,
  key: string,
  options: AttemptOptions,
): Promise<Attempt> {
  const { after, closed, maxResponseBytes } = options;
  const controller = new AbortController();
  const abort = () => controller.abort();
  closed.addEventListener("abort", abort);
  const timeoutMs = message.delivery.timeoutMs ?? options.timeoutMs;
  let isLate = false;
  const cancel = after(timeoutMs, () => {
    isLate = true;
    abort();
  });
  try {
    const response = await options.fetch(message.url, {
      method: message.delivery.method,
      headers: deliveryHeaders(message, key, options),
      body: hasBody(message) ? message.body : null,
      // Only 2xx is success, so a redirection is a failure and is not followed.
      redirect: "manual",
      signal: controller.signal,
    });
    const body = new Uint8Array(await response.arrayBuffer()).slice(0, maxResponseBytes);
    return { status: response.status, header: toHeaderMap(response.headers), body };
  } catch (error) {
    const reason = isLate ? `no response within ${timeoutMs} ms` : describe(error);
    return noResponse(reason);
  } finally {
    cancel();
    closed.removeEventListener("abort", abort);
  }
}

/** An attempt that got no response. */
export function noResponse(error: string): Attempt {
  return { status: 0, header: {}, body: new Uint8Array(), error };
}

export function isSuccess({ status }: Attempt): boolean {
  return status >= 200 && status < 300;
}

function hasBody({ delivery, body }: Message): boolean {
  return delivery.method !== "GET" && body.length > 0;
}

/** Our headers come last: a publisher may forward anything but what the signature covers. */
function deliveryHeaders(message: Message, key: string, options: AttemptOptions): Headers {
  const { url, body, delivery, origin, id, retried } = message;
  const headers = new Headers();
  copyHeaders(delivery.header, headers);
  const { now, random } = options;
  const signedBody = hasBody(message) ? body : new Uint8Array();
  const ours: Record<string, string | undefined> = {
    "user-agent": "Upstash-QStash",
    "upstash-signature": signDelivery({ key, url, body: signedBody, now: now(), random }),
    "upstash-message-id": id,
    "upstash-retried": String(retried),
    "upstash-caller-ip": origin.callerIp,
    "upstash-schedule-id": origin.scheduleId,
    "upstash-topic-name": origin.groupName,
    "upstash-endpoint-name": origin.endpointName,
  };
  for (const [name, value] of Object.entries(ours)) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return headers;
}

function copyHeaders(from: HeaderMap, to: Headers): void {
  for (const [name, values] of Object.entries(from)) {
    for (const value of values) to.append(name, value);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : "unknown error";
}
