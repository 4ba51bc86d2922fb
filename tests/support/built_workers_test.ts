import assert from "node:assert/strict";
import { buildWorkerOnce } from "./built_workers.ts";

async function setup(gate: () => Promise<unknown>) {
  const run = await Deno.makeTempDir();
  const built: string[] = [];
  const build = async (config: string) => {
    built.push(config);
    await gate();
    return { gzipKiB: 12.5 };
  };
  return {
    built,
    ask: (config: string) => buildWorkerOnce(config, run, build),
    [Symbol.asyncDispose]: () => Deno.remove(run, { recursive: true }),
  };
}

Deno.test("a Worker is built once for all tests that ask, also while it is being built", async () => {
  const gate = Promise.withResolvers<void>();
  await using environment = await setup(() => gate.promise);
  const { ask, built } = environment;
  const asked = [ask("services/user/wrangler.toml"), ask("services/user/wrangler.toml")];
  const other = ask("wrangler.toml");
  gate.resolve();
  const [one, same] = await Promise.all(asked);
  assert.deepEqual(one, same);
  assert.equal(one?.gzipKiB, 12.5);
  assert.notEqual((await other).folder, one?.folder);
  assert.deepEqual(await ask("wrangler.toml"), await other);
  assert.deepEqual(built.toSorted(), ["services/user/wrangler.toml", "wrangler.toml"]);
});

Deno.test("a Worker that cannot be built fails every test that asks, with wrangler's output", async () => {
  await using environment = await setup(() => Promise.reject(new Error("no such module")));
  const { ask, built } = environment;
  const asked = await Promise.allSettled([ask("wrangler.toml"), ask("wrangler.toml")]);
  for (const one of [...asked, ...await Promise.allSettled([ask("wrangler.toml")])]) {
    assert.ok(one.status === "rejected");
    assert.match(String(one.reason), /no such module/);
  }
  assert.equal(built.length, 1);
});
