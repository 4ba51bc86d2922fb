import { type ConfigurationDocument, pushConfiguration } from "@edgepass/shared/configuration";
import { createUpstashRedis } from "@edgepass/shared/redis";
import assert from "node:assert/strict";
import { startUpstream } from "./suite/gateway_upstreams.ts";
import { type Environment, logIn, newPerson } from "./suite/product_environment.ts";
import { readLives } from "./support/redis_lives.ts";
import { waitUntil } from "./support/wait.ts";
import { targets } from "./targets.ts";

for (const placement of ["Deno, all in one", "workerd, all in one"] as const) {
  Deno.test(`a route may serve its last successful response on errors: ${placement}`, async (t) => {
    await using upstream = startUpstream();
    // A separate upstream: the state of the other upstream's breaker does not block its calls.
    await using other = startUpstream();
    await using target = await targets[placement]();
    const redis = createUpstashRedis({
      url: target.settings.UPSTASH_REDIS_REST_URL ?? "",
      token: target.settings.UPSTASH_REDIS_REST_TOKEN ?? "",
      timeoutMs: 5_000,
    });
    const send: Environment["send"] = ({ method = "GET", path, bearer, body }) =>
      target.fetch(path, {
        method,
        headers: {
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const admin = await logIn(send, target.admin);
    const [first, second] = [
      await newPerson(send, admin, ["learner"]),
      await newPerson(send, admin, ["learner"]),
    ];
    const route = { upstream: upstream.url, access: "authenticated" } as const;
    const fallback = { maxStaleSeconds: 600 };
    const document: ConfigurationDocument = {
      gateway: {
        routes: [
          { ...route, prefix: "/kept", fallback },
          { ...route, prefix: "/plain" },
          { ...route, prefix: "/other", upstream: other.url, fallback },
        ],
      },
    };
    await pushConfiguration(redis, { version: 1, document });
    const request = async (path: string, bearer: string | undefined, method = "GET") => {
      const response = await send({ method, path, ...(bearer === undefined ? {} : { bearer }) });
      const { data, error, traceId } = await response.json();
      return { status: response.status, headers: response.headers, data, error, traceId };
    };
    const isAway = () => upstream.respondWith(() => Response.json({}, { status: 503 }));

    upstream.respondWith(() => Response.json({ mine: 1 }));
    assert.equal((await request("/kept/a", first.token)).headers.get("x-fallback"), null);
    assert.equal((await request("/plain/a", first.token)).status, 200);
    isAway();

    await t.step(
      "the stale response is in the current request's envelope, marked, with its age",
      async () => {
        let response = await request("/kept/a", first.token);
        // The response is stored after the request was completed.
        await waitUntil("the response is stored", async () => {
          response = await request("/kept/a", first.token);
          return response.status === 200;
        }, 5_000);
        assert.deepEqual(response.data, { mine: 1 });
        assert.equal(response.traceId, response.headers.get("x-trace-id"));
        const age = response.headers.get("age");
        assert.equal(response.headers.get("x-fallback"), `cache; age=${age}`);
        assert.equal(response.headers.get("cache-control"), "no-store");
      },
    );

    await t.step("it is served until its maximum staleness", async () => {
      const lives = [...await readLives(target.settings, "fb:*")];
      assert.ok(lives.length > 0);
      for (const [key, life] of lives) {
        assert.ok(life !== null && life <= fallback.maxStaleSeconds, `${key} lives ${life} s`);
      }
    });

    await t.step(
      "it is served to no other caller, for no write, and on no route without the setting",
      async () => {
        assert.equal((await request("/kept/a", second.token)).status, 503);
        assert.equal((await request("/kept/a", undefined)).status, 401);
        assert.equal((await request("/kept/a", first.token, "POST")).status, 503);
        assert.equal((await request("/plain/a", first.token)).status, 503);
      },
    );

    await t.step("while Redis refuses writes, requests succeed", async () => {
      target.setRedisReadOnly(true);
      const responses = await Promise.all(
        Array.from({ length: 8 }, (_, at) => request(`/other/${at}`, second.token)),
      );
      target.setRedisReadOnly(false);
      assert.deepEqual([...new Set(responses.map(({ status }) => status))], [200]);
    });

    await t.step("it is not served to the same user after the logout", async () => {
      assert.equal((await request("/kept/a", first.token)).status, 200);
      const ended = await send({ method: "POST", path: "/auth/logout", bearer: first.token });
      assert.equal(ended.status, 204);
      const { status, error } = await request("/kept/a", first.token);
      assert.deepEqual([status, error?.code], [401, "token_revoked"]);
    });

    await t.step("it is also served where the upstream's response breaks off", async () => {
      other.respondWith(() => Response.json({ mine: 3 }));
      assert.equal((await request("/other/b", second.token)).status, 200);
      other.respondWith(() => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new TextEncoder().encode('{"cut":')),
          pull: (controller) => controller.error(new Error("the upstream dies")),
        }, { highWaterMark: 2 });
        const headers = { "content-type": "application/json", "content-length": "50" };
        return new Response(body, { headers });
      });
      await waitUntil("the response is stored", async () => {
        const { status, data } = await request("/other/b", second.token);
        return status === 200 && data.mine === 3;
      }, 5_000);
    });
  });
}
