import assert from "node:assert/strict";
import { createTestSystem, type Received } from "../../tests/support/qstash_system.ts";

/** Responds with each of the given in turn, then with success. */
function respondInTurn(...responses: readonly (() => Response | Promise<Response>)[]) {
  const rest = [...responses];
  return () => rest.shift()?.() ?? new Response();
}

const failing = () => new Response("no", { status: 500 });

function json(received: Received | undefined) {
  return JSON.parse(received?.body ?? "{}");
}

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(text));
}

Deno.test("the signature is the documented JWT", async () => {
  await using system = createTestSystem();
  await system.client.publish({ url: `${system.url}/x?a=1`, body: "hello" });
  await system.step();
  const token = system.received[0]?.headers.get("upstash-signature") ?? "";
  const [header, claims] = token.split(".").slice(0, 2).map((part) =>
    JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" })))
  );
  assert.deepEqual(header, { alg: "HS256", typ: "JWT" });
  const iat = system.clock.now() / 1_000;
  const { jti, ...others } = claims;
  assert.match(jti, /^jwt_/);
  assert.deepEqual(others, {
    iss: "Upstash",
    sub: `${system.url}/x?a=1`,
    exp: iat + 300,
    nbf: iat,
    iat,
    body: "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
  });
});

Deno.test("the official receiver accepts a delivery without tolerance by the real clock", async () => {
  const { Receiver } = await import("@upstash/qstash");
  await using system = createTestSystem({ now: Date.now });
  await system.client.publish({ url: `${system.url}/x`, body: "hello" });
  await system.step();
  const signature = system.received[0]?.headers.get("upstash-signature") ?? "";
  const { current, next } = system.qstash.keys();
  const keys = { currentSigningKey: current, nextSigningKey: next, devMode: false };
  const receiver = new Receiver(keys);
  assert.ok(await receiver.verify({ signature, body: "hello", url: `${system.url}/x` }));
  await assert.rejects(receiver.verify({ signature, body: "hallo", url: `${system.url}/x` }));
  await assert.rejects(receiver.verify({ signature, body: "hello", url: `${system.url}/y` }));
});

Deno.test("a failing message is retried on the documented schedule and then becomes a dead letter", async () => {
  await using system = createTestSystem({ respond: failing });
  await system.client.publish({ url: system.url, body: "x" });
  await system.step();
  for (const ms of [12_182, 148_413, 1_808_042]) {
    const before = system.received.length;
    await system.pass(ms - 1);
    assert.equal(system.received.length, before, `not before ${ms} ms`);
    await system.pass(1);
    assert.equal(system.received.length, before + 1, `after ${ms} ms`);
  }
  const retried = system.received.map(({ headers }) => headers.get("upstash-retried"));
  assert.deepEqual(retried, ["0", "1", "2", "3"]);
  const { messages } = await system.client.dlq.listMessages();
  assert.deepEqual(
    messages.map(({ body, responseStatus, responseBody, maxRetries }) => {
      return { body, responseStatus, responseBody, maxRetries };
    }),
    [{ body: "x", responseStatus: 500, responseBody: "no", maxRetries: 3 }],
  );
});

Deno.test("a message's own retries and retry delay are honoured", async () => {
  await using system = createTestSystem({ respond: failing });
  const retryDelay = "min(20000, pow(2, retried) * 1000)";
  await system.client.publish({ url: system.url, body: "x", retries: 2, retryDelay });
  await system.step();
  await system.pass(1_000);
  await system.pass(1_999);
  assert.equal(system.received.length, 2);
  await system.pass(1);
  assert.equal(system.received.length, 3);
  assert.equal((await system.client.dlq.listMessages()).messages.length, 1);
});

Deno.test("Retry-After sets the time of the next attempt", async () => {
  const busy = () => new Response(null, { status: 503, headers: { "retry-after": "2" } });
  await using system = createTestSystem({ respond: respondInTurn(busy) });
  await system.client.publish({ url: system.url, body: "x" });
  await system.step();
  await system.pass(1_999);
  assert.equal(system.received.length, 1);
  await system.pass(1);
  assert.equal(system.received.length, 2);
});

Deno.test("489 with Upstash-NonRetryable-Error goes to the DLQ at once", async () => {
  const headers = { "upstash-nonretryable-error": "true" };
  const poison = () => new Response("poison", { status: 489, headers });
  await using system = createTestSystem({ respond: poison });
  await system.client.publish({ url: system.url, body: "x" });
  await system.step();
  const { messages } = await system.client.dlq.listMessages();
  assert.deepEqual(messages.map(({ responseStatus }) => responseStatus), [489]);
});

const retriedResponses = {
  "489 without the header": () => new Response(null, { status: 489 }),
  "500 with the header": () =>
    new Response(null, { status: 500, headers: { "upstash-nonretryable-error": "true" } }),
  "a redirection": () => new Response(null, { status: 302, headers: { location: "/elsewhere" } }),
  "400": () => new Response(null, { status: 400 }),
};
for (const [what, respond] of Object.entries(retriedResponses)) {
  Deno.test(`${what} is retried`, async () => {
    await using system = createTestSystem({ respond: respondInTurn(respond) });
    await system.client.publish({ url: `${system.url}/x`, body: "x", retryDelay: "1000" });
    await system.step();
    await system.pass(1_000);
    assert.deepEqual(system.received.map(({ path }) => path), ["/x", "/x"]);
    assert.deepEqual(system.forged, []);
    assert.equal((await system.client.dlq.listMessages()).messages.length, 0);
  });
}

Deno.test("a destination that takes longer than the timeout has failed", async () => {
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<Response>();
  const slow = () => {
    entered.resolve();
    return gate.promise;
  };
  await using system = createTestSystem({ respond: respondInTurn(slow) });
  await system.client.publish({ url: system.url, body: "x", timeout: 10, retryDelay: "1000" });
  const stepping = system.step();
  await entered.promise;
  system.clock.advance(10_000);
  await stepping;
  gate.resolve(new Response());
  const { logs } = await system.client.logs({ filter: { state: "ERROR" } });
  assert.match(logs[0]?.error ?? "", /no response within 10000 ms/);
  await system.pass(1_000);
  assert.equal(system.received.length, 2);
});

Deno.test("a destination that is not there is retried", async () => {
  await using system = createTestSystem();
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${gone.addr.port}/x`;
  gone.close();
  const { messageId } = await system.client.publish({
    url,
    body: "x",
    retries: 1,
    retryDelay: "1",
  });
  await system.step();
  assert.equal((await system.client.messages.get(messageId)).url, url);
  await system.pass(1);
  const { messages } = await system.client.dlq.listMessages();
  assert.deepEqual(messages.map(({ messageId, responseStatus }) => [messageId, responseStatus]), [
    [messageId, undefined],
  ]);
});

Deno.test("a stored response is cut at the limit of a message", async () => {
  await using system = createTestSystem({
    maxMessageBytes: 10,
    respond: () => new Response("x".repeat(100), { status: 500 }),
  });
  await system.client.publish({ url: system.url, body: "x", retries: 0 });
  await system.step();
  const { messages: [dead] } = await system.client.dlq.listMessages();
  assert.equal(dead?.responseBody, "x".repeat(10));
});

Deno.test("a callback receives the response of every attempt", async () => {
  const created = () => new Response("made", { status: 201, headers: { "x-made": "yes" } });
  const respond = respondInTurn(failing, created);
  await using system = createTestSystem({
    respond: ({ path }) => path === "/back" ? new Response() : respond(),
  });
  const { url, clock } = system;
  const createdAt = clock.now();
  const { messageId } = await system.client.publish({
    url: `${url}/x`,
    body: "bödy",
    headers: { "x-a": "1" },
    callback: `${url}/back`,
    retryDelay: "1000",
  });
  await system.step();
  await system.pass(1_000);
  const callbacks = system.received.filter(({ path }) => path === "/back");
  assert.deepEqual(callbacks.map(json).map(({ status, retried }) => [status, retried]), [
    [500, 0],
    [201, 1],
  ]);
  const body = json(callbacks[1]);
  assert.equal(fromBase64(body.body), "made");
  assert.deepEqual(body.header["x-made"], ["yes"]);
  assert.equal(fromBase64(body.sourceBody), "bödy");
  assert.deepEqual(body.sourceHeader["x-a"], ["1"]);
  assert.deepEqual(
    [body.maxRetries, body.sourceMessageId, body.url, body.method, body.createdAt, body.callerIP],
    [3, messageId, `${url}/x`, "POST", String(createdAt), "127.0.0.1"],
  );
  assert.equal("dlqId" in body, false);
});

Deno.test("a failure callback comes once, with the id of the dead letter", async () => {
  await using system = createTestSystem({
    respond: ({ path }) => path === "/failed" ? new Response() : failing(),
  });
  const { url } = system;
  await system.client.publish({
    url: `${url}/x`,
    body: "x",
    retries: 1,
    retryDelay: "1000",
    failureCallback: `${url}/failed`,
  });
  await system.step();
  assert.equal(system.received.length, 1);
  await system.pass(1_000);
  const callbacks = system.received.filter(({ path }) => path === "/failed");
  const { messages: [dead] } = await system.client.dlq.listMessages();
  assert.equal(callbacks.length, 1);
  assert.equal(json(callbacks[0]).dlqId, dead?.dlqId);
  assert.equal(json(callbacks[0]).status, 500);
  assert.equal(callbacks[0]?.headers.get("content-type"), "application/json");
});

Deno.test("a callback has its own method, headers and retries", async () => {
  await using system = createTestSystem({
    respond: ({ path }) => path === "/back" ? failing() : new Response(),
  });
  const { url } = system;
  const headers = {
    "upstash-callback": `${url}/back`,
    "upstash-callback-method": "PUT",
    "upstash-callback-retries": "0",
    "upstash-callback-delay": "5s",
    "upstash-callback-forward-x-kind": "back",
  };
  await system.send("POST", `/v2/publish/${url}/x`, { headers, body: "x" });
  await system.step();
  assert.equal(system.received.length, 1);
  await system.pass(5_000);
  const [, callback] = system.received;
  assert.equal(callback?.method, "PUT");
  assert.equal(callback?.headers.get("x-kind"), "back");
  const { messages } = await system.client.dlq.listMessages();
  assert.deepEqual(messages.map((message) => message.url), [`${url}/back`]);
});

Deno.test("after a rotation, deliveries are signed with the former next key", async () => {
  await using system = createTestSystem();
  const before = (await system.send("GET", "/v2/keys")).body;
  const after = (await system.send("POST", "/v2/keys/rotate")).body;
  assert.equal(after.current, before.next);
  assert.notEqual(after.next, before.next);
  assert.deepEqual((await system.send("GET", "/v2/keys")).body, after);
  await system.client.publish({ url: system.url, body: "x" });
  await system.step();
  assert.equal(system.received.length, 1);
  assert.deepEqual(system.forged, []);
});

Deno.test("the number of parallel deliveries is limited", async () => {
  const gate = Promise.withResolvers<void>();
  const full = Promise.withResolvers<void>();
  let now = 0;
  let most = 0;
  await using system = createTestSystem({
    maxParallel: 3,
    respond: async () => {
      most = Math.max(most, ++now);
      if (now === 3) full.resolve();
      await gate.promise;
      now--;
      return new Response();
    },
  });
  await system.client.batch(Array.from({ length: 10 }, () => ({ url: system.url, body: "x" })));
  const stepping = system.step();
  await full.promise;
  gate.resolve();
  await stepping;
  assert.deepEqual([most, system.received.length], [3, 10]);
});

Deno.test("a started QStash delivers published, delayed and retried messages automatically", async () => {
  const done = Promise.withResolvers<void>();
  let fails = 1;
  await using system = createTestSystem({
    respond: ({ path }) => {
      if (path === "/retried" && fails-- > 0) return failing();
      if (system.received.filter((one) => one.path === "/retried").length === 2) done.resolve();
      return new Response();
    },
    now: Date.now,
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  });
  system.qstash.start();
  await system.client.publish({ url: `${system.url}/now`, body: "x" });
  await system.client.publish({ url: `${system.url}/retried`, body: "x", retryDelay: "1" });
  await done.promise;
  assert.equal(system.received.length, 3);
});
