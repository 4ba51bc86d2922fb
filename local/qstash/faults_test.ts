import assert from "node:assert/strict";
import { createTestSystem } from "../../tests/support/qstash_system.ts";

Deno.test("without injected faults every delivery succeeds", async () => {
  await using system = createTestSystem();
  const { body } = await system.send("GET", "/v2/local/faults");
  const chances = Object.entries(body).filter(([name]) => !/(Ms|Seconds)$/.test(name));
  assert.equal(chances.length, 9);
  assert.ok(chances.every(([, value]) => value === 0));
});

Deno.test("a duplicate arrives at once, a late one later, both with the id of the first", async () => {
  await using system = createTestSystem({
    faults: { duplicate: 1, lateDuplicate: 1, lateDuplicateMs: 700_000 },
  });
  const { messageId } = await system.client.publish({ url: system.url, body: "x" });
  await system.step();
  assert.equal(system.received.length, 2);
  await system.pass(699_999);
  assert.equal(system.received.length, 2);
  await system.pass(1);
  assert.equal(system.received.length, 3);
  const ids = system.received.map(({ headers }) => headers.get("upstash-message-id"));
  assert.deepEqual(ids, [messageId, messageId, messageId]);
  const { logs } = await system.client.logs();
  assert.deepEqual(logs.map(({ state }) => state), ["DELIVERED", "ACTIVE", "CREATED"]);
});

Deno.test("a late duplicate does not block the queue of its original", async () => {
  await using system = createTestSystem({ faults: { lateDuplicate: 1 } });
  const queue = system.client.queue({ queueName: "line" });
  for (const body of ["1", "2"]) {
    await queue.enqueue({ url: system.url, body });
    await system.step();
  }
  assert.deepEqual(system.received.map(({ body }) => body), ["1", "2"]);
});

Deno.test("a duplicate that fails changes nothing", async () => {
  let first = true;
  await using system = createTestSystem({
    faults: { duplicate: 1 },
    respond: () => {
      const status = first ? 200 : 500;
      first = false;
      return new Response(null, { status });
    },
  });
  await system.client.publish({ url: system.url, body: "x", retries: 0 });
  await system.pass(86_400_000);
  assert.equal(system.received.length, 2);
  assert.deepEqual((await system.client.dlq.listMessages()).messages, []);
});

Deno.test("a lost response causes a second delivery", async () => {
  await using system = createTestSystem({ faults: { lostAnswer: 1 } });
  await system.client.publish({ url: system.url, body: "x", retryDelay: "1000" });
  await system.step();
  await system.send("DELETE", "/v2/local/faults");
  await system.pass(1_000);
  assert.deepEqual(system.received.map(({ headers }) => headers.get("upstash-retried")), [
    "0",
    "1",
  ]);
});

Deno.test("a delay holds every message back", async () => {
  await using system = createTestSystem({ faults: { delay: 1, delayMs: 5_000 } });
  await system.client.publish({ url: system.url, body: "x" });
  await system.pass(4_999);
  assert.equal(system.received.length, 0);
  await system.pass(1);
  assert.equal(system.received.length, 1);
});

Deno.test("reordering lets later messages overtake, and loses no message", async () => {
  await using system = createTestSystem({
    faults: { reorder: 0.5, reorderMs: 1_000 },
    maxParallel: 1,
  });
  const bodies = Array.from({ length: 30 }, (_, n) => String(n));
  await system.client.batch(bodies.map((body) => ({ url: system.url, body })));
  for (let ms = 0; ms <= 1_000; ms += 100) await system.pass(100);
  const received = system.received.map(({ body }) => body);
  assert.notDeepEqual(received, bodies);
  assert.deepEqual(received.toSorted(), bodies.toSorted());
});

Deno.test("an API error has no effect, a lost API response has the full effect", async () => {
  await using system = createTestSystem();
  const publish = () => system.send("POST", `/v2/publish/${system.url}/x`, { body: "x" });
  await system.send("PUT", "/v2/local/faults", { body: '{"apiError":1}' });
  assert.equal((await publish()).status, 500);
  await system.step();
  assert.equal(system.received.length, 0);
  await system.send("PUT", "/v2/local/faults", { body: '{"apiLostAnswer":1}' });
  assert.equal((await publish()).status, 500);
  await system.step();
  assert.equal(system.received.length, 1);
});

Deno.test("too many requests get 429 with Retry-After", async () => {
  await using system = createTestSystem({ faults: { apiTooMany: 1, apiRetryAfterSeconds: 7 } });
  const pending = await system.send("POST", `/v2/publish/${system.url}/x`, { body: "x" });
  assert.deepEqual([pending.status, pending.headers.get("retry-after")], [429, "7"]);
  await assert.rejects(system.client.publish({ url: system.url, body: "x" }), {
    status: 429,
  });
});

Deno.test("a hanging API responds 503 when its time is up", async () => {
  await using system = createTestSystem({ faults: { apiHang: 1, apiHangMs: 30_000 } });
  const request = new Request(`${system.baseUrl}/v2/keys`, {
    headers: { authorization: `Bearer ${system.token}` },
  });
  const pending = system.qstash.handler(request);
  system.clock.advance(30_000);
  const response = await pending;
  assert.equal(response.status, 503);
  await response.body?.cancel();
});

Deno.test("closing ends hanging requests", async () => {
  await using system = createTestSystem({ faults: { apiHang: 1 } });
  const request = new Request(`${system.baseUrl}/v2/keys`, {
    headers: { authorization: `Bearer ${system.token}` },
  });
  const pending = system.qstash.handler(request);
  await system.qstash.close();
  assert.equal((await pending).status, 503);
});
