import assert from "node:assert/strict";
import { maintainEach } from "./maintenance.ts";

function create() {
  const maintained: string[] = [];
  const succeeding = (name: string) => ({
    maintain: () => Promise.resolve(void maintained.push(name)),
  });
  const failing = (message: string) => ({ maintain: () => Promise.reject(new TypeError(message)) });
  return { maintained, succeeding, failing };
}

Deno.test("a service whose maintenance fails does not stop the others, and its error is thrown", async () => {
  const { maintained, succeeding, failing } = create();
  const all = [failing("first"), succeeding("a"), {}, succeeding("b")];
  await assert.rejects(maintainEach(all), new TypeError("first"));
  assert.deepEqual(maintained, ["a", "b"]);
});

Deno.test("several failures are thrown as one AggregateError", async () => {
  const { failing } = create();
  await assert.rejects(
    maintainEach([failing("first"), failing("second")]),
    (error) => error instanceof AggregateError && error.errors.length === 2,
  );
});
