import assert from "node:assert/strict";
import type { PolicyPatch } from "@edgepass/shared/resilience";
import type { Environment, GatewayCase } from "./gateway_environment.ts";

const minimumCalls = 5;

/** An upstream that answers when this has passed. */
const after = (ms: number) => async () => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return Response.json({});
};

/** A gateway whose breakers open after five failures, and a way to ask it. */
async function openSoon(environment: Environment, openMs: number) {
  // Whatever it takes on a busy machine, calls stay in the window.
  const breaker = { minimumCalls, openMs, windowMs: 600_000 };
  const policy: PolicyPatch = { retry: { maxAttempts: 1 }, breaker };
  const served = await environment.serve({ POLICY: JSON.stringify(policy) });
  const ask = async (path: string, bearer?: string) => {
    const headers: HeadersInit = bearer ? { authorization: `Bearer ${bearer}` } : {};
    const response = await fetch(served.origin + path, { headers });
    const answer = await response.json();
    const code: unknown = answer.error?.code;
    return { status: response.status, code, retryAfter: response.headers.get("retry-after") };
  };
  return { ask, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

/** Asks until it is answered; that it never is shows as a test without end. */
async function untilAnswered(ask: () => Promise<{ status: number }>): Promise<number> {
  let refused = 0;
  while ((await ask()).status !== 200) refused++;
  return refused;
}

export const breakerCases: Readonly<Record<string, GatewayCase>> = {
  async "[D05, F31] an upstream that fails is left alone, and its neighbour is not"(environment) {
    const { echo, wire } = environment;
    await using gateway = await openSoon(environment, 600_000);
    echo.answerWith(() => Response.json({}, { status: 503 }));
    for (let call = 0; call < 3 * minimumCalls; call++) await gateway.ask("/public");
    assert.equal(echo.seen.length, minimumCalls);
    const refused = await gateway.ask("/public");
    assert.deepEqual([refused.status, refused.code], [503, "upstream_unavailable"]);
    assert.equal(refused.retryAfter, "600");
    wire.say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    assert.equal((await gateway.ask("/wire")).status, 200);
  },

  async "[D05] a breaker that the configuration changes is so from the next call on"(environment) {
    const { echo, redis, token } = environment;
    await using gateway = await openSoon(environment, 600_000);
    const bearer = await token();
    echo.answerWith(() => Response.json({}, { status: 503 }));
    for (let call = 1; call < minimumCalls; call++) await gateway.ask("/member", bearer);
    const breaker = { minimumCalls: 1_000_000 };
    redis.configure(1, { gateway: { dependencies: { [new URL(echo.url).host]: { breaker } } } });
    for (let call = 0; call < 2 * minimumCalls; call++) {
      assert.equal((await gateway.ask("/member", bearer)).status, 503);
    }
    redis.configure(2, {});
    await gateway.ask("/member", bearer);
    assert.equal((await gateway.ask("/member", bearer)).status, 503);
  },

  async "[F31] an upstream that comes back is used again"(environment) {
    const { echo } = environment;
    await using gateway = await openSoon(environment, 1);
    echo.answerWith(() => Response.json({}, { status: 503 }));
    for (let call = 0; call < minimumCalls; call++) await gateway.ask("/public");
    echo.reset();
    await untilAnswered(() => gateway.ask("/public"));
    assert.equal((await gateway.ask("/public")).status, 200);
  },

  async "[D02, F20, F24] a Redis that fails is left alone: 503 at once, and nobody revoked gets in"(
    environment,
  ) {
    const { redis, token } = environment;
    await using gateway = await openSoon(environment, 600_000);
    const good = await token();
    const revoked = await token({ sid: "ended" });
    redis.revoke("login", "ended");
    assert.equal((await gateway.ask("/member", revoked)).code, "token_revoked");
    const before = redis.roundTrips.length;
    redis.behave("answers 500");
    for (let call = 0; call < 2 * minimumCalls; call++) {
      for (const bearer of [good, revoked]) {
        const { status, code, retryAfter } = await gateway.ask("/member", bearer);
        assert.deepEqual([status, code, retryAfter], [503, "revocation_unavailable", "1"]);
      }
    }
    assert.ok(redis.roundTrips.length - before <= minimumCalls + 1);
    redis.behave("answers");
    assert.equal((await gateway.ask("/member", revoked)).status, 503, "open until it has asked");
    assert.equal((await gateway.ask("/public")).status, 200);
  },

  async "[D02] a Redis that comes back is asked again, and knows who is revoked"(environment) {
    const { redis, token } = environment;
    await using gateway = await openSoon(environment, 1);
    const good = await token();
    const revoked = await token({ sid: "ended" });
    redis.revoke("login", "ended");
    redis.behave("answers 500");
    for (let call = 0; call < minimumCalls; call++) await gateway.ask("/member", good);
    redis.behave("answers");
    await untilAnswered(() => gateway.ask("/member", good));
    assert.equal((await gateway.ask("/member", revoked)).code, "token_revoked");
  },

  async "[D05] slow is healthy while a route of the upstream waits for it"(environment) {
    const { echo, bindings } = environment;
    const patient = { prefix: "/patient", upstream: echo.url, access: "public", timeoutMs: 30_000 };
    const [row, ...rows] = JSON.parse(bindings.ROUTES ?? "[]");
    const breaker = { minimumCalls, openMs: 600_000 };
    await using served = await environment.serve({
      POLICY: JSON.stringify({ breaker }),
      ROUTES: JSON.stringify([row, ...rows, patient]),
    });
    const ask = async (path: string) => {
      const response = await fetch(served.origin + path);
      await response.body?.cancel();
      return response.status;
    };
    // Longer than what was slow for everybody once.
    echo.answerWith(after(1_500));
    const both = [...Array(minimumCalls).fill("/patient"), ...Array(minimumCalls).fill("/public")];
    assert.deepEqual(new Set(await Promise.all(both.map(ask))), new Set([200]));
    echo.reset();
    assert.equal(await ask("/public"), 200);
  },

  async "[D05] a central slowCallMs below what a route waits for is raised to it"(environment) {
    const { echo, redis, token } = environment;
    await using gateway = await openSoon(environment, 600_000);
    const bearer = await token();
    const breaker = { minimumCalls, slowCallMs: 1 };
    redis.configure(1, { gateway: { dependencies: { [new URL(echo.url).host]: { breaker } } } });
    await gateway.ask("/member", bearer);
    echo.answerWith(after(20));
    for (let call = 0; call < 2 * minimumCalls; call++) {
      assert.equal((await gateway.ask("/member", bearer)).status, 200);
    }
  },

  async "[F40] an upstream that has not answered at its time limit has failed"(environment) {
    const { echo } = environment;
    await using gateway = await openSoon(environment, 600_000);
    echo.answerWith(after(2_000));
    const late = await Promise.all(
      Array(minimumCalls).fill("/slow").map((path) => gateway.ask(path)),
    );
    assert.deepEqual(late.map(({ status }) => status), Array(minimumCalls).fill(504));
    assert.equal((await gateway.ask("/public")).status, 503);
  },
};
