import assert from "node:assert/strict";
import { startTcpProxy } from "./tcp_proxy.ts";

const body = "a response of some length, so that it can be cut in the middle ".repeat(50);

async function setup() {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(body),
  );
  const proxy = await startTcpProxy(server.addr);
  const client = Deno.createHttpClient({});
  return {
    proxy,
    request: async (signal?: AbortSignal) =>
      await (await fetch(proxy.url, { client, ...(signal ? { signal } : {}) })).text(),
    async [Symbol.asyncDispose]() {
      client.close();
      await proxy.close();
      await server.shutdown();
    },
  };
}

Deno.test("without a fault bytes pass unchanged", async () => {
  await using environment = await setup();
  assert.equal(await environment.request(), body);
  assert.equal(environment.proxy.accepted(), 1);
});

const failures = {
  refuse: { kind: "refuse" },
  reset: { kind: "reset" },
  "end in the middle": { kind: "cut", afterBytes: 500, how: "end" },
  "reset in the middle": { kind: "cut", afterBytes: 500, how: "reset" },
  garbage: { kind: "garbage", bytes: new TextEncoder().encode("no HTTP\r\n\r\n") },
} as const;
for (const [what, fault] of Object.entries(failures)) {
  Deno.test(`${what}: the call fails, also on a keep-alive connection, and works again after`, async () => {
    await using environment = await setup();
    await environment.request();
    await environment.proxy.set(fault);
    await assert.rejects(environment.request(), TypeError);
    await environment.proxy.set({ kind: "none" });
    assert.equal(await environment.request(), body);
  });
}

Deno.test("silent: no byte arrives until the caller disconnects", async () => {
  await using environment = await setup();
  await environment.request();
  await environment.proxy.set({ kind: "silent" });
  await assert.rejects(environment.request(AbortSignal.timeout(100)), { name: "TimeoutError" });
});

const slow = {
  latency: { kind: "latency", ms: 150 },
  bandwidth: { kind: "bandwidth", bytesPerSecond: body.length * 4 },
} as const;
for (const [what, fault] of Object.entries(slow)) {
  Deno.test(`${what}: the whole response arrives later`, async () => {
    await using environment = await setup();
    await environment.proxy.set(fault);
    const startedAt = performance.now();
    assert.equal(await environment.request(), body);
    assert.ok(performance.now() - startedAt >= 140);
  });
}
