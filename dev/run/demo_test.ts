import assert from "node:assert/strict";
import { ApiFailure } from "../system/api_client.ts";
import { retryWhileBusy } from "./demo.ts";

/** Runs work that fails with these statuses, one after the other, and then succeeds. */
async function run(statuses: readonly number[]) {
  let [calls, pauses] = [0, 0];
  const work = () => {
    const status = statuses[calls++];
    return status === undefined
      ? Promise.resolve("seeded")
      : Promise.reject(new ApiFailure("POST /auth/token", status, "upstream_timeout"));
  };
  const pause = () => Promise.resolve(void pauses++);
  const result = await retryWhileBusy(work, pause).catch((error: ApiFailure) => error.status);
  return { result, calls, pauses };
}

Deno.test("demo data comes although a busy system times out at first", async () => {
  assert.deepEqual(await run([504, 503, 429]), { result: "seeded", calls: 4, pauses: 3 });
});

Deno.test("a refusal of the demo data is not repeated", async () => {
  assert.deepEqual(await run([504, 401]), { result: 401, calls: 2, pauses: 1 });
});

Deno.test("a system that stays unavailable is given up", async () => {
  assert.deepEqual(await run(Array(99).fill(503)), { result: 503, calls: 10, pauses: 9 });
});
