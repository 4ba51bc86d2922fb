import assert from "node:assert/strict";
import { faultyManners, startScriptedRedis } from "./gateway_redis.ts";
import { startUpstream } from "./gateway_upstreams.ts";
import { closedOrigin, type Environment, type GatewayCase } from "./gateway_environment.ts";

/** What must hold while revocation is unavailable, whatever the reason. */
async function assertFailsClosed(
  environment: Environment,
  origin: string = environment.origin,
): Promise<void> {
  const headers = { authorization: `Bearer ${await environment.token()}` };
  const protectedAnswer = await fetch(`${origin}/member`, { headers });
  const { error } = await protectedAnswer.json();
  assert.deepEqual([protectedAnswer.status, error?.code], [503, "revocation_unavailable"]);
  assert.equal(protectedAnswer.headers.get("retry-after"), "1");
  assert.equal(protectedAnswer.headers.get("cache-control"), "no-store");
  assert.equal(environment.echo.seen.length, 0);
  const publicAnswer = await fetch(`${origin}/public`, { headers });
  assert.equal(publicAnswer.status, 200, "public routes are unaffected");
  await publicAnswer.body?.cancel();
  const unsigned = await fetch(`${origin}/member`, { headers: { authorization: "Bearer x" } });
  assert.equal(unsigned.status, 401, "an unusable token is refused as ever");
  await unsigned.body?.cancel();
}

/** Requests a protected route with a new subject; undefined where it is served. */
function createSender(environment: Environment, origin: string) {
  return async (claims: object = {}): Promise<string | undefined> => {
    const headers = { authorization: `Bearer ${await environment.token(claims)}` };
    const response = await fetch(`${origin}/member`, { headers });
    return (await response.json()).error?.code;
  };
}

/** The gateway observes a rebuild a moment after the revocation authority has sent its response. */
async function untilServed(send: () => Promise<string | undefined>): Promise<boolean> {
  for (let round = 0; round < 400; round++) {
    if (await send() === undefined) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

const faults = Object.fromEntries(
  faultyManners.map((manner) => [
    `[D01, F21, F23] a Redis that ${manner} is revocation_unavailable, never "not revoked"`,
    async (environment: Environment) => {
      environment.redis.behave(manner);
      await assertFailsClosed(environment);
    },
  ]),
) satisfies Record<string, GatewayCase>;

export const redisCases: Readonly<Record<string, GatewayCase>> = {
  ...faults,

  async "[F20] a Redis that refuses connections is revocation_unavailable"(environment) {
    await using gateway = await environment.serve({ UPSTASH_REDIS_REST_URL: closedOrigin() });
    await assertFailsClosed(environment, gateway.origin);
  },

  async "[D02, F21, F22] a silent Redis is revocation_unavailable while it is still silent"(
    environment,
  ) {
    await using gateway = await environment.serve({ REVOCATION_TIMEOUT_MS: "50" });
    const release = environment.redis.hold();
    try {
      await assertFailsClosed(environment, gateway.origin);
    } finally {
      release();
    }
  },

  async "[F21] half a reply and then silence is revocation_unavailable"(environment) {
    await using gateway = await environment.serve({ REVOCATION_TIMEOUT_MS: "50" });
    const release = environment.redis.dribble();
    try {
      await assertFailsClosed(environment, gateway.origin);
    } finally {
      release();
    }
  },

  async "[F23] a wrong token for Redis is revocation_unavailable"(environment) {
    await using gateway = await environment.serve({ UPSTASH_REDIS_REST_TOKEN: "wrong" });
    await assertFailsClosed(environment, gateway.origin);
  },

  async "a Redis that comes back is used at once"({ json, token, redis }) {
    const bearer = await token();
    redis.behave("responds with 500");
    assert.equal((await json("/member", { bearer })).status, 503);
    redis.behave("responds");
    assert.equal((await json("/member", { bearer })).status, 200);
  },

  async "[S02, S03] revocation is checked by claims, never by the token's text"(environment) {
    const { json, token, redis } = environment;
    const bearer = await token();
    await json("/member", { bearer });
    const keys = redis.roundTrips.flat(2);
    assert.ok(keys.length > 0);
    for (const part of bearer.split(".")) {
      assert.ok(keys.every((key) => !key.includes(part)));
    }
  },

  async "a strict route checks on every request, with one command"({ json, token, redis }) {
    const bearer = await token();
    for (let at = 0; at < 3; at++) await json("/member", { bearer });
    assert.deepEqual(redis.roundTrips.map((commands) => commands.length), [1, 1, 1]);
  },

  async "[D01] a bounded route uses a recent check, a strict route does not"(environment) {
    const { json, token, redis } = environment;
    const bearer = await token();
    assert.equal((await json("/bounded", { bearer })).status, 200);
    redis.behave("responds with 500");
    assert.equal((await json("/bounded", { bearer })).status, 200);
    assert.equal((await json("/member", { bearer })).status, 503);
    const other = await json("/bounded", { bearer: await token() });
    assert.deepEqual([other.status, other.code], [503, "revocation_unavailable"]);
  },

  async "a bounded route caches neither a refusal nor the check of a strict route"(environment) {
    const { json, token, redis } = environment;
    const jti = crypto.randomUUID();
    const bearer = await token({ jti });
    assert.equal((await json("/member", { bearer })).status, 200);
    redis.revoke("token", jti);
    assert.equal((await json("/bounded", { bearer })).code, "token_revoked");
    assert.equal((await json("/bounded", { bearer })).code, "token_revoked");
  },

  async "[F25] with an emptied Redis requests are refused, the list is rebuilt once, and then requests are served again"(
    environment,
  ) {
    await using authority = startUpstream();
    const refilled = Promise.withResolvers<void>();
    authority.respondWith(() => {
      environment.redis.values.set("rv:ready", "1");
      environment.redis.revoke("token", "revoked-before");
      refilled.resolve();
      return new Response(null, { status: 204 });
    });
    await using gateway = await environment.serve({ REFILL_URL: authority.url });
    const send = async (claims = {}) => {
      const headers = { authorization: `Bearer ${await environment.token(claims)}` };
      const response = await fetch(`${gateway.origin}/member`, { headers });
      return (await response.json()).error?.code;
    };
    environment.redis.values.clear();
    assert.equal(await send({ jti: "revoked-before" }), "revocation_unavailable");
    await refilled.promise;
    assert.equal(await send({ jti: "revoked-before" }), "token_revoked");
    assert.equal(await send(), undefined);
    assert.equal(authority.seen.length, 1);
    const { method, target, headers } = authority.last();
    assert.deepEqual([method, target], ["POST", "/refill"]);
    assert.equal((await environment.passportOf(headers)).sub, "svc:gateway");
  },

  async "[F25] a list that went back, or is another log's, fails closed until it is rebuilt"(
    environment,
  ) {
    const { redis } = environment;
    await using authority = startUpstream();
    // A gateway requests one rebuild a second, so each case has its own gateway.
    for (const older of ["log:6", "other:900", "1"]) {
      await using fresh = await environment.serve({ REFILL_URL: authority.url });
      const askFresh = createSender(environment, fresh.origin);
      authority.respondWith(() => {
        redis.values.set("rv:ready", "log:9");
        redis.revoke("token", "revoked-since");
        return new Response(null, { status: 204, headers: { "revocation-position": "log:9" } });
      });
      redis.values.set("rv:ready", "log:7");
      assert.equal(await askFresh(), undefined);
      redis.values.set("rv:ready", older);
      assert.equal(await askFresh({ jti: "revoked-since" }), "revocation_unavailable", older);
      assert.equal(await untilServed(askFresh), true, older);
      assert.equal(await askFresh({ jti: "revoked-since" }), "token_revoked", older);
      redis.values.set("rv:ready", "log:8");
      assert.equal(await askFresh(), "revocation_unavailable", "what the rebuild reached counts");
      redis.values.delete("rv:j:revoked-since");
    }
  },

  async "[F25] a revocation authority of 0.1.0 rebuilds once, and its list is accepted from then on"(
    environment,
  ) {
    const { redis } = environment;
    await using authority = startUpstream();
    authority.respondWith(() => new Response(null, { status: 204 }));
    await using gateway = await environment.serve({ REFILL_URL: authority.url });
    const send = createSender(environment, gateway.origin);
    assert.equal(redis.values.get("rv:ready"), "1");
    assert.equal(await send(), "revocation_unavailable");
    assert.equal(await untilServed(send), true);
    const rebuilds = authority.seen.length;
    assert.ok(rebuilds > 0, "the list was accepted without a rebuild");
    for (let at = 0; at < 5; at++) assert.equal(await send(), undefined);
    assert.equal(authority.seen.length, rebuilds);
  },

  async "[F25] a flood on an emptied Redis requests one rebuild"(environment) {
    await using authority = startUpstream();
    authority.respondWith(() => new Response(null, { status: 503 }));
    await using gateway = await environment.serve({ REFILL_URL: authority.url });
    environment.redis.values.clear();
    const headers = { authorization: `Bearer ${await environment.token()}` };
    const statuses = await Promise.all(Array.from({ length: 10 }, async () => {
      const response = await fetch(`${gateway.origin}/member`, { headers });
      await response.body?.cancel();
      return response.status;
    }));
    assert.deepEqual(new Set(statuses), new Set([503]));
    assert.ok(authority.seen.length <= 1, String(authority.seen.length));
  },

  async "two gateways share one list"(environment) {
    await using redis = startScriptedRedis();
    const bindings = {
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
    };
    await using one = await environment.serve(bindings);
    await using two = await environment.serve(bindings);
    const bearer = await environment.token({ sid: "the-login" });
    const send = async (origin: string) => {
      const headers = { authorization: `Bearer ${bearer}` };
      const response = await fetch(`${origin}/member`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assert.deepEqual([await send(one.origin), await send(two.origin)], [200, 200]);
    redis.revoke("login", "the-login");
    assert.deepEqual([await send(one.origin), await send(two.origin)], [401, 401]);
  },
};
