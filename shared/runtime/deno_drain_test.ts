import assert from "node:assert/strict";
import { createDrain } from "./deno_server.ts";

const app = () => new Response("served", { status: 201, headers: { "x-of": "app" } });
const get = (path: string) => new Request(`http://127.0.0.1${path}`);
const sent = () => Promise.resolve();

/** Runs everything that is due before the next turn of the event loop. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("before the drain a process responds normally", async () => {
  const response = await createDrain({ delayMs: 0 }).serve(get("/readyz"), sent(), app);
  assert.equal(await response.text(), "served");
  assert.equal(response.headers.get("connection"), null);
});

Deno.test("[F74] a draining process is not ready, and each response closes its connection", async () => {
  const drain = createDrain({ delayMs: 0 });
  await drain.begin();
  const ready = await drain.serve(get("/readyz"), sent(), app);
  assert.equal(ready.status, 503);
  await ready.body?.cancel();
  const other = await drain.serve(get("/courses"), sent(), app);
  assert.deepEqual([other.status, await other.text()], [201, "served"]);
  assert.equal(other.headers.get("x-of"), "app");
  for (const one of [ready, other]) assert.equal(one.headers.get("connection"), "close");
});

for (const how of ["sent", "given up by its client"] as const) {
  Deno.test(`[F74] a drain ends when every response in flight is ${how}`, async () => {
    const drain = createDrain({ delayMs: 0 });
    const inFlight = [1, 2].map(() => Promise.withResolvers<void>());
    for (const { promise } of inFlight) {
      await (await drain.serve(get("/courses"), promise, app)).text();
    }
    let isOver = false;
    const over = drain.begin().then(() => isOver = true);
    for (const { resolve, reject } of inFlight) {
      await turn();
      assert.equal(isOver, false);
      if (how === "sent") resolve();
      else reject(new Error("gone"));
    }
    await over;
  });
}

Deno.test("[F74] a request that comes during the delay is waited for like an earlier one", async () => {
  const drain = createDrain({ delayMs: 1, maxLateMs: 0 });
  const over = drain.begin();
  const { promise, resolve } = Promise.withResolvers<void>();
  await (await drain.serve(get("/courses"), promise, app)).text();
  let isOver = false;
  over.then(() => isOver = true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(isOver, false);
  resolve();
  await over;
});

Deno.test("[F74] a stream without an end does not keep a draining server open", async () => {
  const drain = createDrain({ delayMs: 0, maxEarlyMs: 1, maxLateMs: 1 });
  const endless = new Promise<void>(() => {});
  await (await drain.serve(get("/events"), endless, app)).text();
  await drain.begin();
});

Deno.test("a client that ignores readiness does not keep a process alive", async () => {
  const drain = createDrain({ delayMs: 0, maxLateMs: 1 });
  const early = Promise.withResolvers<void>();
  await (await drain.serve(get("/courses"), early.promise, app)).text();
  const over = drain.begin();
  await turn();
  const endless = new Promise<void>(() => {});
  await (await drain.serve(get("/courses"), endless, app)).text();
  early.resolve();
  await over;
});
