import assert from "node:assert/strict";
import type { PolicyPatch } from "@edgepass/shared/resilience";
import type { Environment, GatewayCase } from "./gateway_environment.ts";

const minimumCalls = 5;

/** An upstream that responds after this time. */
const after = (ms: number) => async () => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return Response.json({});
};

/** A gateway whose breakers open after five failures, and a function that sends it requests. */
async function openSoon(environment: Environment, openMs: number) {
  // The wide window keeps every call inside it, even on a busy machine.
  const breaker = { minimumCalls, openMs, windowMs: 600_000 };
  const policy: PolicyPatch = { retry: { maxAttempts: 1 }, breaker };
  const served = await environment.serve({ POLICY: JSON.stringify(policy) });
  const send = async (path: string, bearer?: string) => {
    const headers: HeadersInit = bearer ? { authorization: `Bearer ${bearer}` } : {};
    const response = await fetch(served.origin + path, { headers });
    const envelope = await response.json();
    const code: unknown = envelope.error?.code;
    return { status: response.status, code, retryAfter: response.headers.get("retry-after") };
  };
  return { send, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

/**
 * Sends until the response is 200. A gateway that never recovers shows as a test that times out.
 */
async function untilServed(send: () => Promise<{ status: number }>): Promise<number> {
  let refused = 0;
  while ((await send()).status !== 200) refused++;
  return refused;
}

export const breakerCases: Readonly<Record<string, GatewayCase>> = {
  async "[D05, F31] an upstream that fails is left alone, and its neighbour is not"(environment) {
    const { echo, wire } = environment;
    await using gateway = await openSoon(environment, 600_000);
    echo.respondWith(() => Response.json({}, { status: 503 }));
    for (let call = 0; call < 3 * minimumCalls; call++) await gateway.send("/public");
    assert.equal(echo.seen.length, minimumCalls);
    const refused = await gateway.send("/public");
    assert.deepEqual([refused.status, refused.code], [503, "upstream_unavailable"]);
    assert.equal(refused.retryAfter, "600");
    wire.setReply(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    );
    assert.equal((await gateway.send("/wire")).status, 200);
  },

  async "[D05] a breaker that the configuration changes is so from the next call on"(environment) {
    const { echo, redis, token } = environment;
    await using gateway = await openSoon(environment, 600_000);
    const bearer = await token();
    echo.respondWith(() => Response.json({}, { status: 503 }));
    for (let call = 1; call < minimumCalls; call++) await gateway.send("/member", bearer);
    const breaker = { minimumCalls: 1_000_000 };
    redis.configure(1, { gateway: { dependencies: { [new URL(echo.url).host]: { breaker } } } });
    for (let call = 0; call < 2 * minimumCalls; call++) {
      assert.equal((await gateway.send("/member", bearer)).status, 503);
    }
    redis.configure(2, {});
    await gateway.send("/member", bearer);
    assert.equal((await gateway.send("/member", bearer)).status, 503);
  },

  async "[F31] an upstream that comes back is used again"(environment) {
    const { echo } = environment;
    await using gateway = await openSoon(environment, 1);
    echo.respondWith(() => Response.json({}, { status: 503 }));
    for (let call = 0; call < minimumCalls; call++) await gateway.send("/public");
    echo.reset();
    await untilServed(() => gateway.send("/public"));
    assert.equal((await gateway.send("/public")).status, 200);
  },

  async "[D02, F20, F24] a failing Redis gets no more calls: 503 at once, and no revoked token passes"(
    environment,
  ) {
    const { redis, token } = environment;
    await using gateway = await openSoon(environment, 600_000);
    const good = await token();
    const revoked = await token({ sid: "ended" });
    redis.revoke("login", "ended");
    assert.equal((await gateway.send("/member", revoked)).code, "token_revoked");
    const before = redis.roundTrips.length;
    redis.behave("responds with 500");
    for (let call = 0; call < 2 * minimumCalls; call++) {
      for (const bearer of [good, revoked]) {
        const { status, code, retryAfter } = await gateway.send("/member", bearer);
        assert.deepEqual([status, code, retryAfter], [503, "revocation_unavailable", "1"]);
      }
    }
    assert.ok(redis.roundTrips.length - before <= minimumCalls + 1);
    redis.behave("responds");
    assert.equal(
      (await gateway.send("/member", revoked)).status,
      503,
      "open until its first probe",
    );
    assert.equal((await gateway.send("/public")).status, 200);
  },

  async "[D02] a recovered Redis is called again, and revoked tokens are refused"(environment) {
    const { redis, token } = environment;
    await using gateway = await openSoon(environment, 1);
    const good = await token();
    const revoked = await token({ sid: "ended" });
    redis.revoke("login", "ended");
    redis.behave("responds with 500");
    for (let call = 0; call < minimumCalls; call++) await gateway.send("/member", good);
    redis.behave("responds");
    await untilServed(() => gateway.send("/member", good));
    assert.equal((await gateway.send("/member", revoked)).code, "token_revoked");
  },

  async "[D05] a slow upstream counts as healthy while one of its routes allows that time"(
    environment,
  ) {
    const { echo, bindings } = environment;
    const patient = { prefix: "/patient", upstream: echo.url, access: "public", timeoutMs: 30_000 };
    const [row, ...rows] = JSON.parse(bindings.ROUTES ?? "[]");
    const breaker = { minimumCalls, openMs: 600_000 };
    await using served = await environment.serve({
      POLICY: JSON.stringify({ breaker }),
      ROUTES: JSON.stringify([row, ...rows, patient]),
    });
    const send = async (path: string) => {
      const response = await fetch(served.origin + path);
      await response.body?.cancel();
      return response.status;
    };
    // Slower than the limit above that once counted as slow for every route.
    echo.respondWith(after(1_500));
    const both = [...Array(minimumCalls).fill("/patient"), ...Array(minimumCalls).fill("/public")];
    assert.deepEqual(new Set(await Promise.all(both.map(send))), new Set([200]));
    echo.reset();
    assert.equal(await send("/public"), 200);
  },

  async "[D05] a central slowCallMs below what a route waits for is raised to it"(environment) {
    const { echo, redis, token } = environment;
    await using gateway = await openSoon(environment, 600_000);
    const bearer = await token();
    const breaker = { minimumCalls, slowCallMs: 1 };
    redis.configure(1, { gateway: { dependencies: { [new URL(echo.url).host]: { breaker } } } });
    await gateway.send("/member", bearer);
    echo.respondWith(after(20));
    for (let call = 0; call < 2 * minimumCalls; call++) {
      assert.equal((await gateway.send("/member", bearer)).status, 200);
    }
  },

  async "[F40] an upstream without a response at its time limit counts as failed"(environment) {
    const { echo } = environment;
    await using gateway = await openSoon(environment, 600_000);
    echo.respondWith(after(2_000));
    const late = await Promise.all(
      Array(minimumCalls).fill("/slow").map((path) => gateway.send(path)),
    );
    assert.deepEqual(late.map(({ status }) => status), Array(minimumCalls).fill(504));
    assert.equal((await gateway.send("/public")).status, 503);
  },
};
