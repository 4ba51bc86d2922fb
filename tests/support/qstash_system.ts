import { Client, Receiver } from "@upstash/qstash";
import { type After, openQstash, type QstashOptions, type Random } from "@edgepass/local/qstash";

/** A clock that only a test moves; its timers fire while it is moved. */
export interface TestClock {
  now(): number;
  readonly after: After;
  advance(ms: number): void;
}

/** A clock at a moment after all that a schedule could have missed. */
export function createTestClock(start = Date.UTC(2030, 0, 1)): TestClock {
  let time = start;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => time,
    after(ms, callback) {
      const timer = { at: time + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      time += ms;
      for (const timer of [...timers].filter(({ at }) => at <= time)) {
        timers.delete(timer);
        timer.callback();
      }
    },
  };
}

/** The same bytes in every run (xorshift32). */
export function createTestRandom(seed = 1): Random {
  let state = seed;
  return (count) =>
    Uint8Array.from({ length: count }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state & 0xff;
    });
}

/** A delivery that a destination received. */
export interface Received {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

export type Respond = (received: Received) => Response | Promise<Response>;

const token = "local-token";

/**
 * A local QStash behind a server, its official client, and a destination that checks every
 * signature with the official receiver: an invalid one gets a 401 and is counted.
 */
export function createTestSystem(
  { respond = () => new Response(), ...options }:
    & Partial<QstashOptions>
    & { respond?: Respond } = {},
) {
  const clock = createTestClock();
  const causes: unknown[] = [];
  const { now = clock.now, after = clock.after, random = createTestRandom() } = options;
  const qstash = openQstash({
    token,
    path: ":memory:",
    onError: (cause) => causes.push(cause),
    ...options,
    now,
    after,
    random,
  });
  const server = serve((request, info) => qstash.handler(request, info.remoteAddr.hostname));
  const destination = createDestination(() => qstash.keys(), respond);
  const baseUrl = `http://127.0.0.1:${server.addr.port}`;
  return {
    baseUrl,
    clock,
    qstash,
    causes,
    token,
    client: new Client({ baseUrl, token, retry: false, devMode: false, enableTelemetry: true }),
    url: destination.url,
    received: destination.received,
    forged: destination.forged,
    /** Moves the clock and delivers what is due then. */
    async pass(ms: number) {
      clock.advance(ms);
      await qstash.step();
    },
    step: qstash.step,
    /** Sends a request that the client would not send. */
    async send(method: string, path: string, init: RequestInit = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
      const response = await fetch(`${baseUrl}${path}`, { ...init, method, headers });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === "" ? undefined : JSON.parse(text),
      };
    },
    async [Symbol.asyncDispose]() {
      await qstash.close();
      await Promise.all([server.shutdown(), destination.close()]);
    },
  };
}

/** A server that stores the requests it receives. */
export function createDestination(
  keys: () => { readonly current: string; readonly next: string },
  respond: Respond,
) {
  const received: Received[] = [];
  const forged: string[] = [];
  const server = serve(async (request) => {
    const { pathname, search } = new URL(request.url);
    const body = await request.text();
    const path = `${pathname}${search}`;
    // The signature covers the URL as the publisher wrote it, possibly without its only slash.
    const written = path === "/" ? url : `${url}${path}`;
    const { current, next } = keys();
    const receiver = new Receiver({
      currentSigningKey: current,
      nextSigningKey: next,
      devMode: false,
    });
    const signature = request.headers.get("upstash-signature") ?? "";
    // The clock is the test's, far from the receiver's; delivery_test.ts checks with the real one.
    const check = { signature, body, url: written, clockTolerance: 1e9 };
    const isGenuine = await receiver.verify(check).catch(() => false);
    if (!isGenuine) {
      forged.push(path);
      return new Response(null, { status: 401 });
    }
    const got = { path, method: request.method, headers: request.headers, body };
    received.push(got);
    return await respond(got);
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { url, received, forged, close: () => server.shutdown() };
}

function serve(
  handler: (request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
}
