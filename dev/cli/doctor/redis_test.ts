import { createEmbeddedRedis, createRedisRest } from "@edgepass/local/redis";
import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  type DoctorContextOverrides,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { freePort } from "../../../tests/support/dev_system.ts";
import { checkRedis } from "./redis.ts";

/** An external Redis with the revocation list, and a clock that each round trip advances. */
function setup({ tripMs = 1, respond }: { tripMs?: number; respond?: () => Response } = {}) {
  const backend = createEmbeddedRedis();
  const rest = createRedisRest({ backend, token: "hidden" });
  let time = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    time += tripMs;
    return respond ? respond() : rest(request);
  });
  const UPSTASH_REDIS_REST_URL = `http://127.0.0.1:${server.addr.port}`;
  const look = ({ settings, ...context }: DoctorContextOverrides = {}) =>
    checkRedis(
      createDoctorContext({
        variables: { UPSTASH_REDIS_REST_URL },
        settings: { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN: "hidden", ...settings },
        ...context,
      }),
      createEffects({ request: fetch, elapsed: () => time }),
    );
  return {
    look,
    fill: () => backend.execute(["SET", "rv:ready", "1"]),
    async [Symbol.asyncDispose]() {
      await backend.close();
      await server.shutdown();
    },
  };
}

Deno.test("a quick Redis with the revocation list passes", async () => {
  await using redis = setup({ tripMs: 3 });
  await redis.fill();
  assert.deepEqual(allWell(await redis.look()), [
    "a round trip takes 3.0 ms of 150 ms",
    "the revocation list is complete",
  ]);
});

const nearer = "use a Redis that is nearer, or raise REVOCATION_TIMEOUT_MS";
const slow = {
  "at the budget": [
    150,
    `fail: a round trip takes 150.0 ms of 150 ms: protected requests would be 503 → ${nearer}`,
  ],
  "at half of the budget": [
    75,
    `warn: a round trip takes 75.0 ms of 150 ms, which leaves little room → ${nearer}`,
  ],
} as const;
for (const [what, [tripMs, expected]] of Object.entries(slow)) {
  Deno.test(`a Redis ${what} is reported as slow`, async () => {
    await using redis = setup({ tripMs });
    await redis.fill();
    assert.equal(troubleOf(await redis.look()), expected);
  });
}

Deno.test("a Redis without the revocation list is reported", async () => {
  await using redis = setup();
  assert.equal(
    troubleOf(await redis.look()),
    "warn: the revocation list is not complete yet: protected requests are 503 until it is" +
      " → start auth, or restart it: it rebuilds the list from its database",
  );
});

Deno.test("a token that Redis refuses is reported and not shown", async () => {
  await using redis = setup();
  const settings = { UPSTASH_REDIS_REST_TOKEN: "another-hidden-one" };
  assert.equal(
    troubleOf(await redis.look({ settings })),
    "fail: Redis refuses UPSTASH_REDIS_REST_TOKEN" +
      " → set UPSTASH_REDIS_REST_TOKEN to the token of that database, the one that may write",
  );
});

Deno.test("a server that is not a Redis is reported with its status", async () => {
  await using redis = setup({ respond: () => new Response("<html>", { status: 404 }) });
  assert.equal(
    troubleOf(await redis.look()),
    "fail: the server at UPSTASH_REDIS_REST_URL is no Redis (status 404)" +
      " → set UPSTASH_REDIS_REST_URL to the REST address of your Redis, not that of redis://",
  );
});

Deno.test("a Redis that does not respond is reported without its address", async () => {
  const UPSTASH_REDIS_REST_URL = `http://127.0.0.1:${freePort()}`;
  const context = createDoctorContext({
    variables: { UPSTASH_REDIS_REST_URL },
    settings: { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN: "hidden" },
  });
  assert.equal(
    troubleOf(await checkRedis(context, createEffects({ request: fetch }))),
    "fail: no response from UPSTASH_REDIS_REST_URL → set UPSTASH_REDIS_REST_URL" +
      " to the REST address of your Redis, or unset it for dev's own",
  );
});

Deno.test("the Redis that dev serves is not checked while dev is not running", async () => {
  const settings = { UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${freePort()}` };
  assert.deepEqual(allWell(await checkRedis(createDoctorContext({ settings }), createEffects())), [
    "dev serves its own, which is not running",
  ]);
});

Deno.test("a Redis behind dev's own endpoint has to respond", async () => {
  const settings = { REDIS_URL: `redis://user:hidden@127.0.0.1:${freePort()}` };
  assert.equal(
    troubleOf(await checkRedis(createDoctorContext({ settings }), createEffects())),
    "fail: no Redis responds at REDIS_URL → start it, or unset REDIS_URL for dev's own",
  );
});

Deno.test("Redis is not checked for programs that do not use it", async () => {
  const found = await checkRedis(createDoctorContext({ parts: ["course"] }), createEffects());
  assert.deepEqual(found, []);
});
