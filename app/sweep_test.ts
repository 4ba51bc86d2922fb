import assert from "node:assert/strict";
import { sweepEach } from "./sweep.ts";

function create() {
  const swept: string[] = [];
  const sweeping = (name: string) => ({
    sweep: () => Promise.resolve(void swept.push(name)),
  });
  const failing = (message: string) => ({ sweep: () => Promise.reject(new TypeError(message)) });
  return { swept, sweeping, failing };
}

Deno.test("a service whose sweep fails keeps no other from its own, and is heard of", async () => {
  const { swept, sweeping, failing } = create();
  const all = [failing("first"), sweeping("a"), {}, sweeping("b")];
  await assert.rejects(sweepEach(all), new TypeError("first"));
  assert.deepEqual(swept, ["a", "b"]);
});

Deno.test("several failures are told together", async () => {
  const { failing } = create();
  await assert.rejects(
    sweepEach([failing("first"), failing("second")]),
    (error) => error instanceof AggregateError && error.errors.length === 2,
  );
});
