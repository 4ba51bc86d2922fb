import assert from "node:assert/strict";
import { createEmbeddedRedis, createRedisRest } from "@edgepass/local/redis";
import { configurationKeys, createUpstashRedis } from "@edgepass/shared/redis";
import fc from "fast-check";
import { readConfigurationVersion } from "../redis/mod.ts";
import { fetchConfiguration, fetchVersion, pushConfiguration } from "./stored.ts";

/** The embedded Redis behind its REST endpoint, as in dev. */
function setup() {
  const backend = createEmbeddedRedis();
  const rest = createRedisRest({ backend, token: "t" });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, rest);
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    redis: createUpstashRedis({ url, token: "t", timeoutMs: 10_000 }),
    run: (...command: string[]) => backend.execute(command),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await backend.close();
    },
  };
}

Deno.test("a pushed document is read back with its version", async () => {
  await using environment = setup();
  assert.equal(await fetchVersion(environment.redis), undefined);
  assert.equal(await fetchConfiguration(environment.redis), undefined);
  const stored = { version: 7, document: { gateway: { logLevel: "debug" } } };
  assert.equal(await pushConfiguration(environment.redis, stored), 7);
  assert.equal(await fetchVersion(environment.redis), 7);
  assert.deepEqual(await fetchConfiguration(environment.redis), stored);
});

Deno.test("for any order of pushes the highest version stays with its own document", async () => {
  await using environment = setup();
  const versions = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(versions, async (pushed) => {
      await environment.run("FLUSHALL");
      for (const version of pushed) {
        const current = await pushConfiguration(environment.redis, {
          version,
          document: { of: version },
        });
        assert.ok(current >= version);
      }
      const highest = Math.max(...pushed);
      assert.deepEqual(await fetchConfiguration(environment.redis), {
        version: highest,
        document: { of: highest },
      });
      assert.equal(await fetchVersion(environment.redis), highest);
    }),
    { numRuns: 30 },
  );
});

Deno.test("pushing the same version again restores a lost document", async () => {
  await using environment = setup();
  const stored = { version: 3, document: { a: 1 } };
  await pushConfiguration(environment.redis, stored);
  await environment.run("SET", configurationKeys.document, "garbage");
  assert.equal(await fetchConfiguration(environment.redis), undefined);
  await pushConfiguration(environment.redis, stored);
  assert.deepEqual(await fetchConfiguration(environment.redis), stored);
});

for (const garbage of ["", "x", "-5", "1e9", "0x10", " 9", "9".repeat(16)]) {
  Deno.test(`the stored version ${JSON.stringify(garbage)} counts as none and is replaced`, async () => {
    await using environment = setup();
    await environment.run("SET", configurationKeys.version, garbage);
    assert.equal(await fetchVersion(environment.redis), undefined);
    assert.equal(await pushConfiguration(environment.redis, { version: 2, document: {} }), 2);
    assert.equal(await fetchVersion(environment.redis), 2);
  });
}

Deno.test("readConfigurationVersion() accepts only decimal text", () => {
  for (const reply of [null, undefined, 7, "07", "7.0", "-7", "", ["7"]]) {
    assert.equal(readConfigurationVersion(reply), undefined);
  }
  assert.equal(readConfigurationVersion("7"), 7);
});
