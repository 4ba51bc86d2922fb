import assert from "node:assert/strict";
import { createDrain } from "./deno_drain.ts";

const app = () => new Response("served", { status: 201, headers: { "x-of": "app" } });
const ask = (path: string) => new Request(`http://127.0.0.1${path}`);

Deno.test("until it is told to end a process answers as it is", async () => {
  const response = await createDrain(0).serve(ask("/readyz"), app);
  assert.equal(await response.text(), "served");
  assert.equal(response.headers.get("connection"), null);
});

Deno.test("[F74] a process that ends is not ready, and each answer is its connection's last", async () => {
  const drain = createDrain(0);
  await drain.begin();
  const ready = await drain.serve(ask("/readyz"), app);
  assert.equal(ready.status, 503);
  await ready.body?.cancel();
  const other = await drain.serve(ask("/courses"), app);
  assert.deepEqual([other.status, await other.text()], [201, "served"]);
  assert.equal(other.headers.get("x-of"), "app");
  for (const one of [ready, other]) assert.equal(one.headers.get("connection"), "close");
});
