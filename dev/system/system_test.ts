import assert from "node:assert/strict";
import { ApiFailure } from "./api_client.ts";
import { retryWhileAway } from "./system.ts";

/** Fails with these statuses, one after the other, then succeeds. */
function failing(...statuses: number[]) {
  const pauses: number[] = [];
  const left = [...statuses];
  const run = () =>
    retryWhileAway((ms) => Promise.resolve(void pauses.push(ms)), () => {
      const status = left.shift();
      return status === undefined
        ? Promise.resolve("done")
        : Promise.reject(new ApiFailure("GET /x", status, "store_unavailable"));
    });
  return { run, pauses };
}

Deno.test("a 503 is retried, after ever longer pauses", async () => {
  const { run, pauses } = failing(503, 503, 503);
  assert.equal(await run(), "done");
  assert.deepEqual(pauses, [500, 1_000, 2_000]);
});

Deno.test("a system that stays away ends the command", async () => {
  const { run, pauses } = failing(...Array.from({ length: 20 }, () => 503));
  await assert.rejects(run(), { status: 503 });
  assert.equal(pauses.length, 8);
});

for (const status of [401, 403, 404, 409, 500, 502]) {
  Deno.test(`a ${status} is not retried`, async () => {
    const { run, pauses } = failing(status);
    await assert.rejects(run(), { status });
    assert.deepEqual(pauses, []);
  });
}
