import assert from "node:assert/strict";
import { createDeliveryFetch } from "./delivery_fetch.ts";

/** A gateway that records its requests. */
function serve() {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const host = request.headers.get("host");
    requests.push(`${request.method} ${host} ${pathname}${search} ${await request.text()}`);
    return new Response(null, { status: 204 });
  });
  const { port } = server.addr;
  return { requests, port, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("a delivery to the public origin arrives at the gateway's port with that Host", async () => {
  await using gateway = serve();
  const { requests, port } = gateway;
  const deliveries = createDeliveryFetch({ publicOrigin: "https://learn.test", port });
  deliveries.open();
  const init = { method: "POST", body: "event" };
  await deliveries.fetch("https://learn.test/events/user?a=1", init);
  await deliveries.fetch(`http://127.0.0.1:${port}/elsewhere`, init);
  deliveries.close();
  assert.deepEqual(requests, [
    "POST learn.test /events/user?a=1 event",
    `POST 127.0.0.1:${port} /elsewhere event`,
  ]);
});

Deno.test("a host that only begins like the public one is not redirected to the gateway", async () => {
  await using gateway = serve();
  const { requests, port } = gateway;
  const deliveries = createDeliveryFetch({ publicOrigin: "http://127.0.0.1", port });
  deliveries.open();
  await deliveries.fetch(`http://127.0.0.1:${port}/x`);
  deliveries.close();
  assert.deepEqual(requests, [`GET 127.0.0.1:${port} /x `]);
});

Deno.test("a delivery waits for the system, and no longer than its own timeout", async () => {
  await using gateway = serve();
  const { requests, port } = gateway;
  const publicOrigin = "http://learn.test";
  const deliveries = createDeliveryFetch({ publicOrigin, port });
  const abort = new AbortController();
  const late = deliveries.fetch(`${publicOrigin}/late`, { signal: abort.signal });
  const early = deliveries.fetch(`${publicOrigin}/early`);
  abort.abort(new TypeError("too late"));
  await assert.rejects(late, /too late/);
  assert.deepEqual(requests, []);
  deliveries.open();
  await early;
  deliveries.hold();
  const held = deliveries.fetch(`${publicOrigin}/held`, { signal: AbortSignal.abort() });
  await assert.rejects(held);
  deliveries.close();
  assert.deepEqual(requests, ["GET learn.test /early "]);
});
