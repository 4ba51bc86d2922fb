import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";
import { coreCases, runCoreCases } from "./suite/core/mod.ts";

type Results = Awaited<ReturnType<typeof runCoreCases>>;

async function runOnWorkerd(): Promise<Results> {
  const harness = createTestHarness({
    root: fileURLToPath(new URL("..", import.meta.url)),
    workers: [{
      config: {
        name: "core",
        main: "tests/suite/core_worker.ts",
        compatibility_date: "2026-10-01",
        compatibility_flags: ["nodejs_compat"],
      },
    }],
  });
  try {
    await harness.listen();
    const response = await harness.fetch("/");
    assert.equal(response.status, 200);
    return await response.json() as Results;
  } finally {
    await harness.close();
  }
}

const runtimes = { deno: runCoreCases, workerd: runOnWorkerd };

Deno.test("the cases of the core have unique names", () => {
  assert.equal(new Set(coreCases.map(({ name }) => name)).size, coreCases.length);
});

for (const [runtime, run] of Object.entries(runtimes)) {
  Deno.test(`the security core on ${runtime}`, async (t) => {
    const results = await run();
    assert.deepEqual(Object.keys(results), coreCases.map(({ name }) => name));
    for (const { name } of coreCases) {
      await t.step(name, () => assert.equal(results[name], null));
    }
  });
}
