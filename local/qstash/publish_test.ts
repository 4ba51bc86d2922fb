import assert from "node:assert/strict";
import { createTestSystem } from "../../tests/support/qstash_system.ts";

Deno.test("publish delivers body, method and forwarded headers, signed", async () => {
  await using system = createTestSystem();
  const { client, url, received } = system;
  const { messageId } = await client.publish({
    url: `${url}/orders?tenant=a%2Fb&x=1`,
    body: "grüße",
    method: "PUT",
    headers: { "X-Trace": "abc", "content-type": "text/x-note" },
  });
  await system.step();
  const [delivery] = received;
  assert.equal(received.length, 1);
  assert.equal(delivery?.path, "/orders?tenant=a%2Fb&x=1");
  assert.equal(delivery?.method, "PUT");
  assert.equal(delivery?.body, "grüße");
  assert.equal(delivery?.headers.get("x-trace"), "abc");
  assert.equal(delivery?.headers.get("content-type"), "text/x-note");
  assert.equal(delivery?.headers.get("upstash-message-id"), messageId);
  assert.equal(delivery?.headers.get("upstash-retried"), "0");
  assert.equal(delivery?.headers.get("authorization"), null);
  assert.deepEqual(system.forged, []);
});

Deno.test("publishJSON delivers JSON", async () => {
  await using system = createTestSystem();
  await system.client.publishJSON({ url: system.url, body: { a: [1, "é"] } });
  await system.step();
  const [delivery] = system.received;
  assert.deepEqual(JSON.parse(delivery?.body ?? ""), { a: [1, "é"] });
  assert.equal(delivery?.headers.get("content-type"), "application/json");
});

Deno.test("a forwarded header cannot replace the signature", async () => {
  await using system = createTestSystem();
  const headers = {
    authorization: `Bearer ${system.token}`,
    "upstash-forward-upstash-signature": "forged",
    "upstash-forward-upstash-schedule-id": "forged",
  };
  await system.send("POST", `/v2/publish/${system.url}/x`, { headers, body: "b" });
  await system.step();
  assert.equal(system.received.length, 1);
  assert.equal(system.received[0]?.headers.get("upstash-schedule-id"), null);
});

Deno.test("GET is delivered without a body, and signed so", async () => {
  await using system = createTestSystem();
  await system.client.publish({ url: `${system.url}/x`, method: "GET", body: "left out" });
  await system.step();
  assert.deepEqual(system.received.map(({ method, body }) => [method, body]), [["GET", ""]]);
});

Deno.test("headers of a connection are not forwarded", async () => {
  await using system = createTestSystem();
  const headers = {
    "upstash-forward-host": "elsewhere.test",
    "upstash-forward-connection": "close",
    "upstash-forward-content-length": "1",
    "upstash-delay": "1s",
  };
  const path = `/v2/publish/${system.url}/x`;
  const { body: { messageId } } = await system.send("POST", path, { headers, body: "whole" });
  const { header } = await system.client.messages.get(messageId);
  assert.deepEqual(Object.keys(header ?? {}), ["content-type"]);
  await system.pass(1_000);
  assert.equal(system.received[0]?.body, "whole");
});

Deno.test("batch delivers each message with its own settings", async () => {
  await using system = createTestSystem();
  const { client, url, received } = system;
  const published = await client.batch([
    { url: `${url}/one`, body: "1", headers: { "x-n": "1" } },
    { url: `${url}/two`, body: "2", delay: 60 },
  ]);
  assert.equal(published.length, 2);
  await system.step();
  assert.deepEqual(received.map(({ path }) => path), ["/one"]);
  assert.equal(received[0]?.headers.get("x-n"), "1");
  await system.pass(60_000);
  assert.deepEqual(received.map(({ path }) => path), ["/one", "/two"]);
});

Deno.test("batchJSON delivers JSON, also to a queue", async () => {
  await using system = createTestSystem();
  await system.client.batchJSON([{ url: system.url, body: { n: 1 }, queueName: "line" }]);
  assert.equal((await system.client.queue({ queueName: "line" }).get()).lag, 1);
  await system.step();
  assert.deepEqual(system.received.map(({ body }) => body), ['{"n":1}']);
});

Deno.test("an invalid message of a batch does not affect the others", async () => {
  await using system = createTestSystem();
  const body = JSON.stringify([
    { destination: "no such place!" },
    { destination: system.url, body: "good" },
    { destination: system.url, headers: { "upstash-flow-control-key": "k" } },
  ]);
  const response = await system.send("POST", "/v2/batch", { body });
  assert.equal(response.status, 200);
  assert.match(response.body[0].error, /invalid destination/);
  assert.match(response.body[1].messageId, /^msg_/);
  assert.match(response.body[2].error, /not supported locally/);
  await system.step();
  assert.deepEqual(system.received.map(({ body }) => body), ["good"]);
});

Deno.test("a delay and a not-before keep a message back until then", async () => {
  await using system = createTestSystem();
  const { client, url, received, clock } = system;
  await client.publish({ url: `${url}/delay`, delay: 10 });
  await client.publish({ url: `${url}/words`, delay: "1m" });
  await client.publish({ url: `${url}/date`, notBefore: clock.now() / 1_000 + 30 });
  const paths = () => received.map(({ path }) => path);
  await system.step();
  assert.deepEqual(paths(), []);
  await system.pass(9_999);
  assert.deepEqual(paths(), []);
  await system.pass(1);
  assert.deepEqual(paths(), ["/delay"]);
  await system.pass(20_000);
  assert.deepEqual(paths(), ["/delay", "/date"]);
  await system.pass(30_000);
  assert.deepEqual(paths(), ["/delay", "/date", "/words"]);
});

Deno.test("a duplicate within the window is accepted with 202 and not delivered", async () => {
  await using system = createTestSystem({ deduplicationWindowMs: 600_000 });
  const { client, url, received } = system;
  const publish = () => client.publish({ url, body: "x", deduplicationId: "e1-user" });
  const first = await publish();
  const second = await publish();
  assert.deepEqual(second, { messageId: first.messageId, deduplicated: true });
  const headers = { "upstash-deduplication-id": "e1-user" };
  assert.equal((await system.send("POST", `/v2/publish/${url}`, { headers })).status, 202);
  await system.step();
  assert.equal(received.length, 1);
  system.clock.advance(599_999);
  assert.equal((await publish()).deduplicated, true);
  system.clock.advance(1);
  assert.notEqual((await publish()).messageId, first.messageId);
  await system.step();
  assert.equal(received.length, 2);
});

Deno.test("duplicates inside one batch are one message", async () => {
  await using system = createTestSystem();
  const message = { url: system.url, body: "x", deduplicationId: "d" };
  const published = await system.client.batch([message, message]);
  assert.deepEqual(published[1], { ...published[0], deduplicated: true });
  await system.step();
  assert.equal(system.received.length, 1);
});

Deno.test("content-based deduplication compares destination, body and forwarded headers", async () => {
  await using system = createTestSystem();
  const { client, url } = system;
  const basis = { url, body: "x", contentBasedDeduplication: true };
  await client.publish(basis);
  assert.equal((await client.publish(basis)).deduplicated, true);
  const others = [
    { ...basis, body: "y" },
    { ...basis, url: `${url}/other` },
    { ...basis, headers: { "x-a": "1" } },
  ];
  for (const other of others) {
    assert.equal((await client.publish(other)).deduplicated, undefined);
  }
});

Deno.test("publishing to a URL group returns an array and delivers to each endpoint", async () => {
  await using system = createTestSystem();
  const { client, url, received } = system;
  const endpoints = [{ url: `${url}/a`, name: "first" }, { url: `${url}/b` }];
  await client.urlGroups.addEndpoints({ name: "all", endpoints });
  const published = await client.publishJSON({ urlGroup: "all", body: 1, deduplicationId: "g" });
  assert.deepEqual(published.map(({ url }) => url), endpoints.map(({ url }) => url));
  const again = await client.publishJSON({ urlGroup: "all", body: 1, deduplicationId: "g" });
  assert.ok(again.every(({ deduplicated }) => deduplicated));
  await system.step();
  assert.deepEqual(received.map(({ path }) => path).sort(), ["/a", "/b"]);
  const first = received.find(({ path }) => path === "/a");
  assert.equal(first?.headers.get("upstash-topic-name"), "all");
  assert.equal(first?.headers.get("upstash-endpoint-name"), "first");
});

Deno.test("endpoints are added, renamed and removed, and the group is deleted with its last one", async () => {
  await using system = createTestSystem();
  const { urlGroups } = system.client;
  const names = async () =>
    (await urlGroups.get("g")).endpoints.map(({ name, url }) => name ?? url);
  await urlGroups.addEndpoints({ name: "g", endpoints: [{ url: "http://a.test", name: "a" }] });
  await urlGroups.addEndpoints({ name: "g", endpoints: [{ url: "http://b.test" }] });
  assert.deepEqual(await names(), ["a", "http://b.test"]);
  await urlGroups.addEndpoints({ name: "g", endpoints: [{ url: "http://a.test", name: "z" }] });
  assert.deepEqual(await names(), ["http://b.test", "z"]);
  await urlGroups.removeEndpoints({ name: "g", endpoints: [{ name: "z" }] });
  assert.deepEqual((await urlGroups.list()).map(({ name }) => name), ["g"]);
  await urlGroups.removeEndpoints({ name: "g", endpoints: [{ url: "http://b.test" }] });
  assert.deepEqual(await urlGroups.list(), []);
  await urlGroups.addEndpoints({ name: "g", endpoints: [{ url: "http://a.test" }] });
  await urlGroups.delete("g");
  assert.deepEqual(await urlGroups.list(), []);
});

Deno.test("a queue with a parallelism of one keeps its order behind a failing message", async () => {
  let fails = 1;
  await using system = createTestSystem({
    respond: ({ body }) => new Response(null, { status: body === "1" && fails-- > 0 ? 500 : 200 }),
  });
  const queue = system.client.queue({ queueName: "line" });
  for (const body of ["1", "2", "3"]) {
    await queue.enqueue({ url: system.url, body, retryDelay: "1000" });
  }
  const bodies = () => system.received.map(({ body }) => body);
  await system.step();
  assert.deepEqual(bodies(), ["1"]);
  await system.pass(1_000);
  assert.deepEqual(bodies(), ["1", "1", "2", "3"]);
});

Deno.test("a queue delivers as many at once as its parallelism, and none while paused", async () => {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  let most = 0;
  let now = 0;
  await using system = createTestSystem({
    respond: async () => {
      most = Math.max(most, ++now);
      if (now === 2) entered.resolve();
      await gate.promise;
      now--;
      return new Response();
    },
  });
  const queue = system.client.queue({ queueName: "line" });
  await queue.upsert({ parallelism: 2, paused: true });
  for (let n = 0; n < 5; n++) await queue.enqueueJSON({ url: system.url, body: { n } });
  await system.step();
  assert.equal(system.received.length, 0);
  await queue.resume();
  const stepping = system.step();
  await entered.promise;
  assert.equal(system.received.length, 2);
  gate.resolve();
  await stepping;
  assert.equal(system.received.length, 5);
  assert.equal(most, 2);
  await queue.pause();
  assert.deepEqual(
    (await queue.list()).map(({ name, lag, paused, parallelism }) => {
      return { name, lag, paused, parallelism };
    }),
    [{ name: "line", lag: 0, paused: true, parallelism: 2 }],
  );
  await queue.enqueueJSON({ url: system.url, body: {} });
  await queue.delete();
  assert.deepEqual(await queue.list(), []);
  await system.step();
  assert.equal(system.received.length, 5);
});
