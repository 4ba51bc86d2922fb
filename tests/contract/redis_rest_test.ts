import assert from "node:assert/strict";
import {
  type Command,
  createEmbeddedRedis,
  createRedisProxy,
  type Persistence,
} from "@edgepass/local/redis";
import { Redis } from "@upstash/redis";
import fc from "fast-check";
import { redisCases, redisScripts } from "./redis_cases.ts";
import { readOnlyScripts, toReadOnlyRun } from "./redis_read_only_cases.ts";
import { backendsUnderTest, serveEndpoint } from "./redis_backends.ts";
import { clientSuite, createClient } from "./redis_client_suite.ts";
import { createSend, httpSuite } from "./redis_http_suite.ts";
import { randomCommands, wholeState } from "./redis_random.ts";
import { startRedisServer } from "./redis_server.ts";
import { normalize, runPipeline, toWords } from "./redis_compare.ts";

const [embedded, real] = await backendsUnderTest();
assert.ok(embedded && real);
const missing = real.missing ? ` (skipped: ${real.missing})` : "";
const ignore = real.missing !== undefined;

Deno.test({
  name: `the embedded engine has the results of a real Redis${missing}`,
  ignore,
  async fn(t) {
    await using ours = await embedded.start();
    await using theirs = await real.start();
    for (const [name, lines] of Object.entries(redisCases)) {
      await t.step(name, async () => {
        const commands = lines.map(toWords);
        const [actual, expected] = await Promise.all([
          runPipeline(ours, commands),
          runPipeline(theirs, commands),
        ]);
        assert.equal(actual.length, commands.length);
        for (const [index, command] of commands.entries()) {
          const [a, b] = [actual[index], expected[index]];
          assert.ok(a && b);
          assert.deepEqual(normalize(command, a), normalize(command, b), command.join(" "));
        }
      });
    }
  },
});

Deno.test({
  name: `scripts on the embedded engine have the results of a real Redis${missing}`,
  ignore,
  async fn(t) {
    await using ours = await embedded.start();
    await using theirs = await real.start();
    for (const [script, ...args] of redisScripts) {
      await t.step(script, async () => {
        const commands = [["EVAL", script, ...args], ["KEYS", "*"]];
        const [actual, expected] = await Promise.all([
          runPipeline(ours, commands),
          runPipeline(theirs, commands),
        ]);
        assert.deepEqual(actual, expected);
      });
    }
  },
});

Deno.test({
  name: `read-only scripts on the embedded engine have the results of a real Redis${missing}`,
  ignore,
  async fn(t) {
    await using ours = await embedded.start();
    await using theirs = await real.start();
    for (const [command, script] of readOnlyScripts) {
      await t.step(`${command} ${script}`, async () => {
        const commands = toReadOnlyRun(command, script);
        const [actual, expected] = await Promise.all([
          runPipeline(ours, commands),
          runPipeline(theirs, commands),
        ]);
        assert.deepEqual(actual, expected);
      });
    }
  },
});

Deno.test({
  name: `random commands have equal results on the embedded engine and on a real Redis${missing}`,
  ignore,
  async fn() {
    await using ours = await embedded.start();
    await using theirs = await real.start();
    await fc.assert(
      fc.asyncProperty(randomCommands, async (random) => {
        const commands = [...random, ...wholeState];
        const [actual, expected] = await Promise.all([
          runPipeline(ours, commands),
          runPipeline(theirs, commands),
        ]);
        for (const [index, command] of commands.entries()) {
          const [a, b] = [actual[index], expected[index]];
          assert.ok(a && b);
          assert.deepEqual(normalize(command, a), normalize(command, b), command.join(" "));
        }
      }),
      { numRuns: 150 },
    );
  },
});

for (const { name, missing, start } of [embedded, real]) {
  const over = `over ${name}${missing ? ` (skipped: ${missing})` : ""}`;

  Deno.test({
    name: `the official client ${over}`,
    ignore: missing !== undefined,
    async fn(t) {
      await using endpoint = await start();
      const redis = createClient(endpoint);
      for (const [fact, check] of Object.entries(clientSuite)) {
        await t.step(fact, async () => {
          await redis.flushall();
          await check(redis, endpoint);
        });
      }
    },
  });

  Deno.test({
    name: `the REST protocol ${over}`,
    ignore: missing !== undefined,
    async fn(t) {
      await using endpoint = await start();
      const send = createSend(endpoint);
      for (const [fact, check] of Object.entries(httpSuite)) {
        await t.step(fact, async () => {
          await send("/flushall");
          await check(send, endpoint);
        });
      }
    },
  });
}

Deno.test("random commands leave the same state after a restart", async () => {
  await fc.assert(
    fc.asyncProperty(randomCommands, async (random) => {
      const persistence = createMemoryPersistence();
      const before = createEmbeddedRedis({ persistence });
      for (const command of random) await before.execute(command.map(utf8));
      const after = createEmbeddedRedis({ persistence });
      const again = createEmbeddedRedis({ persistence });
      for (const command of wholeState) {
        const left = await before.execute(command);
        assert.deepEqual(await after.execute(command), left, command.join(" "));
        assert.deepEqual(await again.execute(command), left, `compacted: ${command.join(" ")}`);
      }
    }),
    { numRuns: 150 },
  );
});

function createMemoryPersistence(): Persistence {
  let groups: (readonly Command[])[] = [];
  return {
    read: () => groups,
    isTorn: () => false,
    replace: (next) => {
      groups = [...next];
    },
    append: (group) => void groups.push(structuredClone(group)),
    close() {},
  };
}

/** The engine uses one character per byte. */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

// Counted at fetch: Deno's fetch repeats a POST whose connection closes without a response.
Deno.test("only retries: 0 makes the client send one request; retry: false sends two", async () => {
  const { fetch } = globalThis;
  const count = async (retry: false | { retries: number }) => {
    let requests = 0;
    globalThis.fetch = () => {
      requests++;
      return Promise.reject(new TypeError("refused"));
    };
    const redis = new Redis({ url: "http://redis.test", token: "any", retry });
    await assert.rejects(redis.get("k"), { message: "refused" });
    return requests;
  };
  try {
    assert.deepEqual([await count({ retries: 0 }), await count(false)], [1, 2]);
  } finally {
    globalThis.fetch = fetch;
  }
});

Deno.test("a client with a timeout by signal function rejects when Redis is silent", async () => {
  const silence = Promise.withResolvers<null>();
  await using endpoint = serveEndpoint({
    execute: () => silence.promise,
    multi: () => Promise.resolve([]),
    subscribe: () => Promise.resolve(() => Promise.resolve()),
    close: () => Promise.resolve(silence.resolve(null)),
  });
  const redis = new Redis({ ...endpoint, signal: () => AbortSignal.timeout(20) });
  await assert.rejects(redis.get("k"), { name: "TimeoutError" });
});

Deno.test({
  name: `the proxy authenticates with the URL's password and selects its database${missing}`,
  ignore,
  async fn() {
    await using server = await startRedisServer({ password: "s3cret" });
    const [first, second] = ["0", "2"].map((db) =>
      createRedisProxy({ url: `${server.url}/${db}` })
    );
    assert.ok(first && second);
    assert.deepEqual(await first.execute(["SET", "k", "v"]), "OK");
    assert.equal(await second.execute(["GET", "k"]), null);
    assert.equal(await first.execute(["GET", "k"]), "v");
    const wrong = createRedisProxy({ url: server.url.replace("s3cret", "other") });
    await assert.rejects(wrong.execute(["GET", "k"]), { name: "RedisUnavailable" });
    await Promise.all([first, second, wrong].map((proxy) => proxy.close()));
  },
});

Deno.test({
  name: `the proxy reconnects to a restarted Redis${missing}`,
  ignore,
  async fn() {
    const before = await startRedisServer();
    const proxy = createRedisProxy({ url: before.url });
    const ended = Promise.withResolvers<void>();
    await proxy.subscribe({
      channel: "c",
      kind: "channel",
      onMessage() {},
      onEnd: ended.resolve,
    });
    assert.equal(await proxy.execute(["INCR", "n"]), 1);
    await before[Symbol.asyncDispose]();
    await ended.promise;
    await assert.rejects(proxy.execute(["INCR", "n"]), { name: "RedisUnavailable" });
    await using _after = await startRedisServer({ port: before.port });
    assert.equal(await proxy.execute(["INCR", "n"]), 1);
    await proxy.close();
  },
});
