import { type ConfigurationDocument, pushConfiguration } from "@edgepass/shared/configuration";
import { createUpstashRedis } from "@edgepass/shared/redis";
import assert from "node:assert/strict";
import { type Environment, logIn, newPerson, type Person } from "./suite/product_environment.ts";
import { readLives } from "./support/redis_lives.ts";
import { type Target, targets } from "./targets.ts";

/** A window long enough that no test spans two windows. */
const windowSeconds = 86_400;

for (const placement of ["Deno, all in one", "workerd, all in one"] as const) {
  Deno.test(`callers have rate limits: ${placement}`, async (t) => {
    await using target = await targets[placement]();
    const configure = createConfigure(target);
    const send = createSend(target);
    const admin = await logIn(send, target.admin);
    const [first, second] = [
      await newPerson(send, admin, ["learner"]),
      await newPerson(send, admin, ["learner"]),
    ];
    const me = ({ token }: Person) => send({ path: "/users/me", bearer: token });

    await t.step("without a configured limit, no response has rate limit headers", async () => {
      const { status, headers } = await discard(me(first));
      assert.deepEqual([status, headers.get("ratelimit-policy")], [200, null]);
    });

    await t.step(
      "a user has the configured number of requests, and the response has the remaining number",
      async () => {
        await configure({ gateway: { limits: { person: { limit: 3, windowSeconds } } } });
        for (const left of [2, 1, 0]) {
          const { status, headers } = await discard(me(first));
          assert.equal(status, 200);
          assert.equal(headers.get("ratelimit-policy"), `"person";q=3;w=${windowSeconds}`);
          assert.match(headers.get("ratelimit") ?? "", new RegExp(`^"person";r=${left};t=\\d+$`));
        }
      },
    );

    await t.step("one more request is refused with a Retry-After", async () => {
      const { status, headers, code } = await refusalOf(me(first));
      assert.deepEqual([status, code], [429, "rate_limited"]);
      assert.ok(Number(headers.get("retry-after")) >= 1);
      assert.equal(headers.get("cache-control"), "no-store");
      assert.match(headers.get("ratelimit") ?? "", /^"person";r=0;t=\d+$/);
    });

    await t.step("another user is not refused", async () => {
      assert.equal((await discard(me(second))).status, 200);
    });

    await t.step("a limit is checked after the token and before the role", async () => {
      const path = "/auth/accounts";
      const over = await refusalOf(send({ path, bearer: first.token }));
      const unusable = await refusalOf(send({ path, bearer: "nonsense" }));
      const within = await refusalOf(send({ path, bearer: second.token }));
      assert.deepEqual([over, unusable, within].map(({ code }) => code), [
        "rate_limited",
        "token_invalid",
        "forbidden",
      ]);
    });

    await t.step("a changed limit holds for the next request", async () => {
      await configure({ gateway: { limits: { person: { limit: 1000, windowSeconds } } } });
      assert.equal((await discard(me(first))).status, 200);
      await configure({ gateway: { limits: { person: { limit: 1, windowSeconds } } } });
      assert.equal((await discard(me(second))).status, 429);
    });

    await t.step("an administrator can remove a limit, however low it is", async () => {
      const path = "/admin/configuration";
      assert.equal((await discard(me(admin))).status, 200);
      assert.equal((await discard(me(admin))).status, 429);
      assert.equal((await discard(send({ path, bearer: admin.token }))).status, 200);
      const outbox = "/admin/events/user/outbox";
      assert.equal((await discard(send({ path: outbox, bearer: admin.token }))).status, 200);
    });

    const route = { "/auth/login": { limit: 2, windowSeconds } };
    const tryToLogIn = () =>
      send({ method: "POST", path: "/auth/login", body: { email: "nobody@edgepass.local" } });

    await t.step("anonymous callers are counted by network, on a public route too", async () => {
      await configure({ gateway: { limits: { routes: route } } });
      await discard(me(first));
      const statuses = [];
      for (let at = 0; at < 3; at++) statuses.push((await discard(tryToLogIn())).status);
      assert.deepEqual(statuses, [422, 422, 429]);
      const elsewhere = await discard(send({ method: "POST", path: "/auth/token", body: {} }));
      assert.equal(elsewhere.status, 422);
    });

    await t.step("without a count from Redis the instance counts locally", async () => {
      target.setRedisReadOnly(true);
      const statuses = [];
      for (let at = 0; at < 3; at++) statuses.push((await discard(tryToLogIn())).status);
      target.setRedisReadOnly(false);
      assert.deepEqual(statuses, [422, 422, 429]);
    });

    await t.step("a counter expires after two windows, and not before", async () => {
      const seconds = { person: 1_000, address: 9_000, route: 80_000 };
      const limitOf = (windowSeconds: number) => ({ limit: 1_000, windowSeconds });
      await configure({
        gateway: {
          limits: {
            person: limitOf(seconds.person),
            address: limitOf(seconds.address),
            routes: { "/users/me": limitOf(seconds.route) },
          },
        },
      });
      for (let times = 0; times < 2; times++) await discard(me(first));
      for (const [whom, windowSeconds] of Object.entries(seconds)) {
        const lives = await readLives(target.settings, `rl:${whom}:*:${windowSeconds}:*`);
        assert.ok(lives.size > 0, whom);
        for (const [key, life] of lives) {
          assert.ok(life !== null && life <= 2 * windowSeconds, `${key} lives ${life} s`);
          assert.ok(life > 1.5 * windowSeconds, `${key} lives ${life} s`);
        }
      }
      const all = [...await readLives(target.settings, "rl:*")];
      assert.deepEqual(all.filter(([, life]) => life === null), [], "what counts for ever");
    });

    await t.step(
      "a network over its limit is refused before any dependency is called, except for deliveries",
      async () => {
        await configure({ gateway: { limits: { address: { limit: 1, windowSeconds } } } });
        await discard(me(second));
        await discard(me(second));
        const paths = ["/users/me", "/courses", "/nowhere"];
        for (const path of paths) assert.equal((await refusalOf(send({ path }))).status, 429, path);
        const delivery = await discard(send({ method: "POST", path: "/events/user", body: {} }));
        assert.equal(delivery.status, 401);
        assert.equal((await discard(send({ path: "/livez" }))).status, 200);
      },
    );
  });
}

/** Puts a document in force, as auth would. */
function createConfigure({ settings }: Target): (document: ConfigurationDocument) => Promise<void> {
  const redis = createUpstashRedis({
    url: settings.UPSTASH_REDIS_REST_URL ?? "",
    token: settings.UPSTASH_REDIS_REST_TOKEN ?? "",
    timeoutMs: 5_000,
  });
  let version = 0;
  return async (document) => void await pushConfiguration(redis, { version: ++version, document });
}

function createSend(target: Target): Environment["send"] {
  return ({ method = "GET", path, bearer, body }) =>
    target.fetch(path, {
      method,
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
}

async function discard(pending: Promise<Response>): Promise<Response> {
  const response = await pending;
  await response.body?.cancel();
  return response;
}

async function refusalOf(pending: Promise<Response>) {
  const response = await pending;
  const { error } = await response.json();
  return { status: response.status, headers: response.headers, code: error?.code };
}
