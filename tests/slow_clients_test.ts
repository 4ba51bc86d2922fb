import assert from "node:assert/strict";
import { platforms } from "./suite/gateway_platforms.ts";
import { createEnvironment, type Environment } from "./suite/gateway_environment.ts";
import { waitUntil } from "./support/wait.ts";

/** The gateway's limit for a silent client, and its limit for a whole body. */
const idleMs = 10_000;
const totalMs = 30_000;
const patienceMs = 5_000;

type Timer = { readonly delayMs: number; readonly run: () => void };

/**
 * Holds the timers with these two delays until the test fires them; all other timers are unchanged.
 *
 * The gateway under test runs in this process, so it uses the replaced timer functions.
 */
function holdTimers() {
  const { setTimeout, clearTimeout } = globalThis;
  const held = new Map<number, Timer>();
  const counts = new Map<number, number>();
  let id = 0;
  const hold = (delayMs: number, run: () => void): number => {
    held.set(--id, { delayMs, run });
    counts.set(delayMs, (counts.get(delayMs) ?? 0) + 1);
    return id;
  };
  Object.assign(globalThis, {
    setTimeout: (run: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) =>
      delayMs === idleMs || delayMs === totalMs
        ? hold(delayMs, run)
        : setTimeout(() => run(...args), delayMs),
    clearTimeout: (timer?: number) => held.delete(timer ?? 0) || clearTimeout(timer),
  });
  return {
    /** Waits until this number of timers with this delay have started. */
    started: (delayMs: number, count: number) =>
      waitUntil("the timers run", () => (counts.get(delayMs) ?? 0) >= count, patienceMs),
    /** Fires the pending timers with this delay. */
    runOut(delayMs: number): number {
      const over = [...held].filter(([, timer]) => timer.delayMs === delayMs);
      for (const [timer, { run }] of over) {
        held.delete(timer);
        run();
      }
      return over.length;
    },
    /** Number of pending timers. */
    running: () => held.size,
    [Symbol.dispose]: () => void Object.assign(globalThis, { setTimeout, clearTimeout }),
  };
}

/** A client that has sent a head and the beginning of its body. */
async function startUpload(
  { origin }: Pick<Environment, "origin">,
  target: string,
  bytes: number,
  begun: number,
) {
  const { hostname, port, host } = new URL(origin);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${bytes}\r\n\r\n`;
  const send = async (count: number) => {
    const part = new Uint8Array(count).fill(97);
    for (let at = 0; at < count;) at += await connection.write(part.subarray(at));
  };
  await connection.write(new TextEncoder().encode(head));
  await send(begun);
  return {
    send,
    /**
     * The head of the response. Deno keeps the connection open until the client closes it, despite
     * `Connection: close`; the proxy in front ends it for a client that stays.
     */
    async readHead(): Promise<string> {
      let text = "";
      const buffer = new Uint8Array(65_536);
      while (!text.includes("\r\n\r\n")) {
        const read = await connection.read(buffer);
        if (read === null) break;
        text += new TextDecoder().decode(buffer.subarray(0, read));
      }
      return text;
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

async function expectServed({ origin }: Pick<Environment, "origin">): Promise<void> {
  const response = await fetch(`${origin}/public`);
  await response.body?.cancel();
  assert.equal(response.status, 200);
}

Deno.test("[H12] a client that stops after a byte gets 408, and others are served", async () => {
  await using environment = await createEnvironment("deno", platforms.deno);
  using timers = holdTimers();
  using client = await startUpload(environment, "/public", 100, 1);
  // The first timer ends with the byte; after the second no byte arrives.
  await timers.started(idleMs, 2);
  await expectServed(environment);
  const { length: seen } = environment.echo.seen;
  assert.equal(timers.runOut(idleMs), 1);
  const head = await client.readHead();
  assert.match(head, /^HTTP\/1\.1 408 /);
  assert.match(head, /^connection: close\r$/im);
  assert.equal(environment.echo.seen.length, seen);
  assert.equal(timers.running(), 0);
});

Deno.test("[H12] a client that stops in an upload gets 408, and its partial body is never a complete request", async () => {
  await using environment = await createEnvironment("deno", platforms.deno);
  using timers = holdTimers();
  using client = await startUpload(environment, "/public", 200_000, 100_000);
  await timers.started(idleMs, 2);
  await expectServed(environment);
  const { length: seen } = environment.echo.seen;
  // Between two parts no timer for the client runs.
  await waitUntil("the client is waited for", () => timers.runOut(idleMs) === 1, patienceMs);
  assert.match(await client.readHead(), /^HTTP\/1\.1 408 /);
  // The upstream must not take a truncated request for a complete one.
  assert.equal(environment.echo.seen.length, seen);
  assert.equal(timers.running(), 0);
});

Deno.test("[H12] a client that sends slowly gets 408 at the limit for the whole body", async () => {
  await using environment = await createEnvironment("deno", platforms.deno);
  using timers = holdTimers();
  using client = await startUpload(environment, "/public", 1_000, 1);
  for (let part = 2; part < 10; part++) {
    await timers.started(idleMs, part);
    await client.send(1);
  }
  assert.equal(timers.runOut(totalMs), 1);
  assert.match(await client.readHead(), /^HTTP\/1\.1 408 /);
  assert.equal(environment.echo.seen.length, 0);
  assert.equal(timers.running(), 0);
});

const leaving = {
  "a short body": [1_000, 10],
  "a long body that is streamed": [200_000, 100_000],
  "a body without a byte": [1_000, 0],
} as const;
for (const [what, [bytes, begun]] of Object.entries(leaving)) {
  Deno.test(`[H12, F71] a client that disconnects within ${what} counts as no server error`, async () => {
    await using environment = await createEnvironment("deno", platforms.deno);
    const breaker = { minimumCalls: 1, openMs: 600_000 };
    await using served = await environment.serve({ POLICY: JSON.stringify({ breaker }) });
    using timers = holdTimers();
    const client = await startUpload(served, "/public", bytes, begun);
    await timers.started(idleMs, begun === 0 ? 1 : 2);
    client[Symbol.dispose]();
    // What the start says of settings is no line of a request.
    const lines = () =>
      served.logLines.map((line) => JSON.parse(line)).filter(({ about }) => about !== "settings");
    await waitUntil("the request is over", () => lines().length > 0, patienceMs);
    assert.deepEqual(lines().map(({ level, status, code }) => [level, status, code]), [
      ["info", 499, "client_closed_request"],
    ]);
    // A single failure would have opened the breaker.
    await expectServed(served);
    assert.equal(timers.running(), 0);
  });
}
