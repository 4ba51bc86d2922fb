import { type ConfigurationDocument, pushConfiguration } from "@edgepass/shared/configuration";
import { createUpstashRedis } from "@edgepass/shared/redis";
import assert from "node:assert/strict";
import { startUpstream } from "./suite/gateway_upstreams.ts";
import { logIn, newPerson, type World } from "./suite/product_world.ts";
import { readLives } from "./support/redis_lives.ts";
import { waitUntil } from "./support/wait.ts";
import { targets } from "./targets.ts";

for (const placement of ["Deno, all in one", "workerd, all in one"] as const) {
  Deno.test(`a route may have the last good answer stand in: ${placement}`, async (t) => {
    await using upstream = startUpstream();
    // Whatever the breaker of the one has seen, this one is called.
    await using other = startUpstream();
    await using target = await targets[placement]();
    const redis = createUpstashRedis({
      url: target.settings.UPSTASH_REDIS_REST_URL ?? "",
      token: target.settings.UPSTASH_REDIS_REST_TOKEN ?? "",
      timeoutMs: 5_000,
    });
    const send: World["send"] = ({ method = "GET", path, bearer, body }) =>
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
    const ask = async (path: string, bearer: string | undefined, method = "GET") => {
      const response = await send({ method, path, ...(bearer === undefined ? {} : { bearer }) });
      const { data, error, traceId } = await response.json();
      return { status: response.status, headers: response.headers, data, error, traceId };
    };
    const isAway = () => upstream.answerWith(() => Response.json({}, { status: 503 }));

    upstream.answerWith(() => Response.json({ mine: 1 }));
    assert.equal((await ask("/kept/a", first.token)).headers.get("x-fallback"), null);
    assert.equal((await ask("/plain/a", first.token)).status, 200);
    isAway();

    await t.step("in the envelope of today's request, marked, with its age", async () => {
      let answer = await ask("/kept/a", first.token);
      // It was written after its request had been answered.
      await waitUntil("the answer is kept", async () => {
        answer = await ask("/kept/a", first.token);
        return answer.status === 200;
      }, 5_000);
      assert.deepEqual(answer.data, { mine: 1 });
      assert.equal(answer.traceId, answer.headers.get("x-trace-id"));
      const age = answer.headers.get("age");
      assert.equal(answer.headers.get("x-fallback"), `cache; age=${age}`);
      assert.equal(answer.headers.get("cache-control"), "no-store");
    });

    await t.step("for as long as it may be stale, and no longer", async () => {
      const lives = [...await readLives(target.settings, "fb:*")];
      assert.ok(lives.length > 0);
      for (const [key, life] of lives) {
        assert.ok(life !== null && life <= fallback.maxStaleSeconds, `${key} lives ${life} s`);
      }
    });

    await t.step("to nobody else, for no change, and on no route that does not ask", async () => {
      assert.equal((await ask("/kept/a", second.token)).status, 503);
      assert.equal((await ask("/kept/a", undefined)).status, 401);
      assert.equal((await ask("/kept/a", first.token, "POST")).status, 503);
      assert.equal((await ask("/plain/a", first.token)).status, 503);
    });

    await t.step("while Redis takes no writes, nobody is refused for it", async () => {
      target.setRedisReadOnly(true);
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, at) => ask(`/other/${at}`, second.token)),
      );
      target.setRedisReadOnly(false);
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    });

    await t.step("not even to the person, once the login has ended", async () => {
      assert.equal((await ask("/kept/a", first.token)).status, 200);
      const ended = await send({ method: "POST", path: "/auth/logout", bearer: first.token });
      assert.equal(ended.status, 204);
      const { status, error } = await ask("/kept/a", first.token);
      assert.deepEqual([status, error?.code], [401, "token_revoked"]);
    });

    await t.step("also where the upstream breaks off what it answers", async () => {
      other.answerWith(() => Response.json({ mine: 3 }));
      assert.equal((await ask("/other/b", second.token)).status, 200);
      other.answerWith(() => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new TextEncoder().encode('{"cut":')),
          pull: (controller) => controller.error(new Error("the upstream dies")),
        }, { highWaterMark: 2 });
        return new Response(body, {
          headers: { "content-type": "application/json", "content-length": "50" },
        });
      });
      await waitUntil("the answer is kept", async () => {
        const { status, data } = await ask("/other/b", second.token);
        return status === 200 && data.mine === 3;
      }, 5_000);
    });
  });
}
