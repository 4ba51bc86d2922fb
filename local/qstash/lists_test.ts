import assert from "node:assert/strict";
import { createTestSystem } from "../../tests/support/qstash_system.ts";

const failing = () => new Response("no", { status: 500 });

/** A system with dead letters whose bodies are the numbers from 0. */
async function withDeadLetters(count: number) {
  let status = 500;
  // One at a time, so that they die in the order they were published.
  const system = createTestSystem({
    maxParallel: 1,
    respond: () => new Response("no", { status }),
  });
  for (let n = 0; n < count; n++) {
    const label = n % 2 === 0 ? "even" : "odd";
    const url = `${system.url}/${label}`;
    await system.client.publish({ url, body: String(n), retries: 0, label });
  }
  await system.step();
  system.received.length = 0;
  return { system, recover: () => void (status = 200) };
}

Deno.test("a message can be read while it waits, and not after its delivery", async () => {
  await using system = createTestSystem();
  const { client, url, clock } = system;
  const { messageId } = await client.publish({
    url: `${url}/x`,
    body: "text",
    delay: 5,
    retries: 1,
    retryDelay: "1000",
    label: ["a", "b"],
    headers: { "x-a": "1" },
    failureCallback: `${url}/failed`,
  });
  const message = await client.messages.get(messageId);
  assert.deepEqual(
    [message.url, message.body, message.notBefore, message.createdAt, message.maxRetries],
    [`${url}/x`, "text", clock.now() + 5_000, clock.now(), 1],
  );
  assert.deepEqual(
    [message.labels, message.label, message.retryDelayExpression, message.failureCallback],
    [["a", "b"], "a", "1000", `${url}/failed`],
  );
  assert.deepEqual(message.header?.["x-a"], ["1"]);
  await system.pass(5_000);
  assert.equal((await system.send("GET", `/v2/messages/${messageId}`)).status, 404);
});

Deno.test("a body that is not UTF-8 is shown as base64 and delivered unchanged", async () => {
  const bytes = new Uint8Array([0xff, 0x00, 0x61]);
  await using system = createTestSystem();
  const path = `/v2/publish/${system.url}/x`;
  const published = await system.send("POST", path, {
    body: bytes,
    headers: { "upstash-delay": "1s" },
  });
  const message = await system.client.messages.get(published.body.messageId);
  assert.deepEqual([message.body, message.bodyBase64], [undefined, bytes.toBase64()]);
});

Deno.test("cancelled messages are not delivered: one, several, by filter, all", async () => {
  await using system = createTestSystem();
  const { client, url } = system;
  const publish = async (path: string, label?: string) => {
    const extra = label === undefined ? {} : { label };
    return (await client.publish({ url: `${url}${path}`, body: "x", delay: 1, ...extra }))
      .messageId;
  };
  const ids = await Promise.all(["/a", "/b", "/c"].map((path) => publish(path)));
  assert.deepEqual(await client.messages.cancel(ids[0] ?? ""), { cancelled: 1 });
  assert.deepEqual(await client.messages.cancel(ids), { cancelled: 2 });
  await publish("/d", "red");
  await publish("/e", "blue");
  await publish("/f", "red");
  const filter = { label: ["red", "green"], path: "/d" };
  assert.deepEqual(await client.messages.cancel({ filter }), { cancelled: 1 });
  await publish("/g");
  assert.deepEqual(await client.messages.cancel({ filter: { url: `${url}/g` } }), { cancelled: 1 });
  await system.pass(1_000);
  assert.deepEqual(system.received.map(({ path }) => path).sort(), ["/e", "/f"]);
  await publish("/h");
  assert.deepEqual(await client.messages.cancel({ all: true }), { cancelled: 1 });
  assert.equal((await system.send("DELETE", `/v2/messages/${ids[0]}`)).status, 404);
});

Deno.test("a message cancelled during its delivery is neither retried nor a dead letter", async () => {
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<Response>();
  await using system = createTestSystem({
    respond: () => {
      entered.resolve();
      return gate.promise;
    },
  });
  const { messageId } = await system.client.publish({ url: system.url, body: "x", retries: 0 });
  const stepping = system.step();
  await entered.promise;
  await system.client.messages.cancel(messageId);
  gate.resolve(failing());
  await stepping;
  assert.equal((await system.client.dlq.listMessages()).messages.length, 0);
  const { logs } = await system.client.logs({ messageIds: [messageId] });
  assert.deepEqual(logs.map(({ state }) => state), ["CANCELED", "ACTIVE", "CREATED"]);
});

Deno.test("dead letters are listed by page and by filter", async () => {
  const { system } = await withDeadLetters(5);
  await using _ = system;
  const { dlq } = system.client;
  const bodies: (string | undefined)[][] = [];
  let cursor: string | undefined;
  do {
    const page = await dlq.listMessages({ count: 2, ...(cursor ? { cursor } : {}) });
    bodies.push(page.messages.map(({ body }) => body));
    cursor = page.cursor;
  } while (cursor);
  assert.deepEqual(bodies, [["0", "1"], ["2", "3"], ["4"]]);
  const find = async (filter: Parameters<typeof dlq.listMessages>[0]) =>
    (await dlq.listMessages(filter)).messages.map(({ body }) => body);
  assert.deepEqual(await find({ filter: { label: "odd" } }), ["1", "3"]);
  assert.deepEqual(await find({ filter: { url: `${system.url}/even` } }), ["0", "2", "4"]);
  assert.deepEqual(await find({ filter: { responseStatus: [404, 500], label: "odd" } }), [
    "1",
    "3",
  ]);
  assert.deepEqual(await find({ filter: { responseStatus: 404 } }), []);
  assert.deepEqual(await find({ filter: { fromDate: system.clock.now() + 1 } }), []);
  assert.deepEqual(await find({ filter: { toDate: system.clock.now(), label: "odd" } }), [
    "1",
    "3",
  ]);
  assert.deepEqual(await find({ filter: { flowControlKey: "k" } }), []);
});

Deno.test("dead letters are read and deleted: one, several, by filter, all", async () => {
  const { system } = await withDeadLetters(6);
  await using _ = system;
  const { dlq } = system.client;
  const { messages } = await dlq.listMessages();
  const ids = messages.map(({ dlqId }) => dlqId);
  const [first = "", second = "", third = ""] = ids;
  const one = await system.send("GET", `/v2/dlq/${first}`);
  assert.deepEqual([one.status, one.body.dlqId, one.body.body], [200, first, "0"]);
  assert.deepEqual(await dlq.delete(first), { deleted: 1 });
  assert.equal((await system.send("DELETE", `/v2/dlq/${first}`)).status, 404);
  assert.equal((await system.send("GET", `/v2/dlq/${first}`)).status, 404);
  assert.equal((await dlq.delete([first, second, third])).deleted, 2);
  assert.equal((await dlq.delete({ filter: { label: "odd" }, count: 1 })).deleted, 1);
  assert.equal((await dlq.delete({ all: true })).deleted, 2);
  assert.deepEqual((await dlq.listMessages()).messages, []);
});

Deno.test("a retried dead letter is a new message with the same content", async () => {
  const { system, recover } = await withDeadLetters(3);
  await using _ = system;
  const { dlq } = system.client;
  recover();
  const { messages: [dead] } = await dlq.listMessages();
  const { responses } = await dlq.retry(dead?.dlqId ?? "");
  assert.equal(responses.length, 1);
  assert.notEqual(responses[0]?.messageId, dead?.messageId);
  await system.step();
  assert.deepEqual(system.received.map(({ body }) => body), ["0"]);
  assert.equal((await dlq.retry({ all: true })).responses.length, 2);
  await system.step();
  assert.deepEqual(system.received.map(({ body }) => body), ["0", "1", "2"]);
  assert.deepEqual((await dlq.listMessages()).messages, []);
  const missing = await system.send("POST", `/v2/dlq/retry?dlqIds=${dead?.dlqId}`);
  assert.equal(missing.status, 404);
});

Deno.test("a single dead letter can also be retried by its path", async () => {
  const { system, recover } = await withDeadLetters(1);
  await using _ = system;
  recover();
  const { messages: [dead] } = await system.client.dlq.listMessages();
  const response = await system.send("POST", `/v2/dlq/retry/${dead?.dlqId}`);
  assert.equal(response.status, 201);
  assert.match(response.body.messageId, /^msg_/);
  assert.equal((await system.send("POST", `/v2/dlq/retry/${dead?.dlqId}`)).status, 404);
});

Deno.test("the log has a message's states, newest first, under both names", async () => {
  let fails = 1;
  await using system = createTestSystem({
    respond: () => fails-- > 0 ? failing() : new Response(),
  });
  const { client, url, clock } = system;
  const { messageId } = await client.publish({ url, body: "x", retryDelay: "1000" });
  await client.publish({ url: `${url}/other`, body: "x", delay: "1h" });
  await system.step();
  const nextDeliveryTime = clock.now() + 1_000;
  await system.pass(1_000);
  const { logs } = await client.logs({ messageIds: [messageId] });
  const states = ["DELIVERED", "ACTIVE", "RETRY", "ERROR", "ACTIVE", "CREATED"];
  assert.deepEqual(logs.map(({ state }) => state), states);
  assert.equal(logs[2]?.nextDeliveryTime, nextDeliveryTime);
  const { body } = await system.send("GET", `/v2/logs?messageId=${messageId}&count=1000`);
  assert.deepEqual(body.logs.map(({ state }: { state: string }) => state), states);
  assert.equal(body.logs[3].responseStatus, 500);
  assert.equal(atob(body.logs[3].responseBody), "no");
});

Deno.test("the log is read by page and by filter", async () => {
  await using system = createTestSystem();
  for (const n of [1, 2, 3]) await system.client.publish({ url: `${system.url}/${n}`, body: "x" });
  await system.step();
  const delivered: string[] = [];
  let cursor: string | undefined;
  do {
    const filter = { state: "DELIVERED" as const };
    const page = await system.client.logs({ count: 2, filter, ...(cursor ? { cursor } : {}) });
    delivered.push(...page.logs.map(({ url }) => url));
    cursor = page.cursor === undefined ? undefined : String(page.cursor);
  } while (cursor);
  assert.deepEqual(delivered.sort(), [1, 2, 3].map((n) => `${system.url}/${n}`));
});

Deno.test("log entries older than the retention are deleted", async () => {
  await using system = createTestSystem({ logRetentionMs: 1_000 });
  await system.client.publish({ url: system.url, body: "x" });
  await system.step();
  await system.pass(3_600_000);
  assert.deepEqual((await system.client.logs()).logs, []);
});
