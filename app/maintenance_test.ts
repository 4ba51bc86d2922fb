import assert from "node:assert/strict";
import { maintainEach } from "./maintenance.ts";

function create() {
  const swept: string[] = [];
  const maintaining = (name: string) => ({
    maintain: () => Promise.resolve(void swept.push(name)),
  });
  const failing = (message: string) => ({ maintain: () => Promise.reject(new TypeError(message)) });
  return { swept, maintaining, failing };
}

Deno.test("a service whose maintenance fails does not stop the others, and its error is thrown", async () => {
  const { swept, maintaining, failing } = create();
  const all = [failing("first"), maintaining("a"), {}, maintaining("b")];
  await assert.rejects(maintainEach(all), new TypeError("first"));
  assert.deepEqual(swept, ["a", "b"]);
});

Deno.test("several failures are thrown as one AggregateError", async () => {
  const { failing } = create();
  await assert.rejects(
    maintainEach([failing("first"), failing("second")]),
    (error) => error instanceof AggregateError && error.errors.length === 2,
  );
});
