import assert from "node:assert/strict";
import { within } from "../../tests/support/wait.ts";
import { RedisUnavailable } from "./redis.ts";
import { createUpstashRedis } from "./upstash.ts";

const secret = "user-id-nobody-may-see";

interface ReceivedRequest {
  readonly url: string;
  readonly body: unknown;
  readonly authorization: string | null;
}

/** An endpoint with the test's responses, and the requests that it received. */
function setup(
  respond: (request: Request) => Response | Promise<Response>,
  { timeoutMs = 60_000, maxTimeoutMs = 60_000 }: { timeoutMs?: number; maxTimeoutMs?: number } = {},
) {
  const received: ReceivedRequest[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      received.push({
        url: new URL(request.url).pathname,
        body: await request.json(),
        authorization: request.headers.get("authorization"),
      });
      return await respond(request);
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const redis = createUpstashRedis({ url, token: "the-token", timeoutMs, maxTimeoutMs });
  const send = () =>
    redis.pipeline((pipeline) => {
      pipeline.mget("rv:ready", secret);
      pipeline.set(secret, "1", { ex: 5 });
    });
  return { send, received, redis, [Symbol.asyncDispose]: () => server.shutdown() };
}

const replies = (...results: unknown[]) => Response.json(results.map((result) => ({ result })));

Deno.test("the client sends one pipeline and returns the replies unchanged", async () => {
  await using redis = setup(() => replies(["1", null], "OK"));
  assert.deepEqual(await redis.send(), [["1", null], "OK"]);
  assert.deepEqual(redis.received, [{
    url: "/pipeline",
    body: [["mget", "rv:ready", secret], ["set", secret, "1", "ex", 5]],
    authorization: "Bearer the-token",
  }]);
});

Deno.test("texts that look like other types stay texts [X4]", async () => {
  const texts = ["1", "true", "null", '{"a":1}', "[1]", "1e3", "T0s=", ""];
  await using redis = setup(() => replies(texts, "OK"));
  assert.deepEqual(await redis.send(), [texts, "OK"]);
});

Deno.test("a null is a reply, and a missing reply is never read as null [M6]", async () => {
  await using present = setup(() => replies(null, null));
  assert.deepEqual(await present.send(), [null, null]);
});

const unusable: Record<string, () => Response | Promise<Response>> = {
  "fewer replies than commands": () => replies(["1", null]),
  "more replies than commands": () => replies(["1", null], "OK", "OK"),
  "no replies": () => replies(),
  "a reply without a result": () => Response.json([{ result: ["1", null] }, {}]),
  "an error among the replies": () =>
    Response.json([{ result: null }, { error: `WRONGTYPE of ${secret}` }]),
  "one error for all": () => Response.json({ error: `ERR ${secret}` }, { status: 400 }),
  "a wrong token": () => Response.json({ error: "Unauthorized" }, { status: 401 }),
  "its quota": () => Response.json({ error: "max requests limit exceeded" }, { status: 429 }),
  "an outage": () => new Response("bad gateway", { status: 502 }),
  "no JSON": () => new Response(`<p>${secret}`),
  "half of its JSON": () => new Response('[{"result":'),
  "an object": () => Response.json({ result: [null, null] }),
  "a text": () => Response.json("OK"),
  "null": () => Response.json(null),
  "nothing": () => new Response(null),
  "a redirect to nowhere": () =>
    new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
};
for (const [what, respond] of Object.entries(unusable)) {
  Deno.test(`Redis that returns ${what} is unavailable, called once and not quoted [M6, M7, X4]`, async () => {
    await using redis = setup(respond);
    await assert.rejects(redis.send(), isQuiet);
    assert.equal(redis.received.length, 1);
  });
}

Deno.test("Redis without a response is unavailable after the budget, never null, and each call has its own [M6, M7]", async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<Response>();
  const responses = [() => over, () => replies(["1", null], "OK")];
  await using redis = setup(() => responses.shift()?.() ?? replies(), { timeoutMs: 200 });
  try {
    await within("the budget is over", assert.rejects(redis.send(), isQuiet));
    assert.equal(redis.received.length, 1);
    assert.deepEqual(await redis.send(), [["1", null], "OK"]);
  } finally {
    end(replies());
  }
});

Deno.test("Redis that stops within a response is unavailable after the budget [M6]", async () => {
  let close = () => {};
  await using redis = setup(() =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('[{"result":null},'));
          close = () => controller.close();
        },
      }),
      { headers: { "content-type": "application/json" } },
    ), { timeoutMs: 200 });
  try {
    await within("the budget is over", assert.rejects(redis.send(), isQuiet));
    assert.equal(redis.received.length, 1);
  } finally {
    try {
      close();
    } catch {
      // The server has detected that the client disconnected.
    }
  }
});

Deno.test("Redis that refuses connections is unavailable at once [M7]", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  const redis = createUpstashRedis({ url, token: "t", timeoutMs: 60_000 });
  await assert.rejects(redis.pipeline((pipeline) => pipeline.get(secret)), isQuiet);
});

/** The one kind of error, whose message has neither commands nor replies of Redis. */
function isQuiet(error: unknown): boolean {
  assert.ok(error instanceof RedisUnavailable);
  assert.equal(error.cause, undefined);
  const shown = `${error.message} ${error.stack}`;
  assert.ok(!shown.includes(secret) && !shown.includes("the-token"), shown);
  return true;
}

Deno.test("[F20] a reply that arrives while the event loop is blocked is read afterwards", async () => {
  await using redis = setup(() => replies(["1", null], "OK"), { timeoutMs: 50 });
  // Connects first, so that the command reaches the endpoint's own event loop soon.
  await redis.send();
  const pending = redis.send();
  const until = performance.now() + 400;
  while (performance.now() < until);
  assert.deepEqual(await pending, [["1", null], "OK"]);
});

Deno.test("[M6, M7] without the lag measured, as on Workers, a Redis without a response is unavailable too", async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<Response>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => over);
  const url = `http://127.0.0.1:${server.addr.port}`;
  const redis = createUpstashRedis({ url, token: "t", timeoutMs: 20 });
  try {
    const refused = assert.rejects(redis.pipeline((pipeline) => pipeline.get(secret)), isQuiet);
    await within("the budget is over", refused);
  } finally {
    end(new Response(null));
    await server.shutdown();
  }
});

Deno.test("[F20] a call that failed because of a blocked event loop reports that", async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<Response>();
  await using redis = setup(() => over, { timeoutMs: 50, maxTimeoutMs: 500 });
  try {
    const refused = assert.rejects(redis.send(), (error) => {
      assert.ok(error instanceof RedisUnavailable);
      return error.hasLagged;
    });
    const until = performance.now() + 200;
    while (performance.now() < until);
    await within("the budget is over", refused);
  } finally {
    end(replies());
  }
});
