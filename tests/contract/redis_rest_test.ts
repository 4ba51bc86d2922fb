import assert from "node:assert/strict";
import { type Command, createEmbeddedRedis, type Persistence } from "@edgepass/dev/redis";
import fc from "fast-check";
import { redisCases, redisScripts } from "./redis_cases.ts";
import { backendsUnderTest } from "./redis_backends.ts";
import { clientSuite, createClient } from "./redis_client_suite.ts";
import { createSend, httpSuite } from "./redis_http_suite.ts";
import { randomCommands, wholeState } from "./redis_random.ts";
import { normalize, runPipeline, toWords } from "./redis_compare.ts";

const [embedded, real] = await backendsUnderTest();
assert.ok(embedded && real);
const missing = real.missing ? ` (skipped: ${real.missing})` : "";
const ignore = real.missing !== undefined;

Deno.test({
  name: `the embedded engine answers as a real Redis does${missing}`,
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
  name: `scripts on the embedded engine answer as on a real Redis${missing}`,
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
  name: `random commands end alike on the embedded engine and on a real Redis${missing}`,
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

Deno.test("random commands leave the same behind after a restart", async () => {
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
    replace: (next) => {
      groups = [...next];
    },
    append: (group) => void groups.push(structuredClone(group)),
    close() {},
  };
}

/** The engine takes one character per byte. */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
