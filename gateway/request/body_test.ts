import assert from "node:assert/strict";
import { within } from "../../tests/support/wait.ts";
import { readRequestBody } from "./body.ts";

const limits = { maxBytes: 100_000, idleMs: 30, totalMs: 10_000, plain: true };

function request(body: ReadableStream<Uint8Array>, headers: Record<string, string> = {}): Request {
  return new Request("http://gateway.test/a", { method: "POST", body, headers });
}

/** Sends `parts`, and then never ends. */
function stalling(...parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
    },
  });
}

Deno.test("[H12] a client that stops in the middle is request_timeout with Connection: close", async () => {
  const body = stalling(new Uint8Array(10));
  const reading = readRequestBody(request(body, { "content-length": "20" }), limits);
  const refusal = { code: "request_timeout", status: 408, headers: { connection: "close" } };
  await within("the client is cut off", assert.rejects(reading, refusal));
});

Deno.test("[H12] a client that sends slowly is cut off at the total time limit", async () => {
  let dripped = 0;
  const dripping = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // Yields to the event loop, so that timers run.
      await new Promise((resolve) => setTimeout(resolve, 0));
      controller.enqueue(new Uint8Array(1));
      dripped++;
    },
  });
  const reading = readRequestBody(request(dripping, { "content-length": "60000" }), {
    ...limits,
    idleMs: 60_000,
    totalMs: 40,
  });
  await within("it is cut off", assert.rejects(reading, { code: "request_timeout" }));
  assert.ok(dripped > 0, "the idle limit was not the reason");
});

/** Deno checks for leaked timers only with these options. */
const watched = { sanitizeOps: true, sanitizeResources: true };
const patient = { ...limits, idleMs: 3_600_000, totalMs: 3_600_000 };

function bodyOf(bytes: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(bytes));
      controller.close();
    },
  });
}

Deno.test("a body that was read leaks no timer", watched, async () => {
  const { content } = await readRequestBody(
    request(bodyOf(20), { "content-length": "20" }),
    patient,
  );
  assert.ok(content instanceof Uint8Array);
  const streamed = await readRequestBody(request(bodyOf(20)), patient);
  assert.ok(streamed.content instanceof ReadableStream);
  assert.equal((await new Response(streamed.content).bytes()).length, 20);
});

Deno.test(
  "a body that is refused, or that the upstream cancels, leaks no timer",
  watched,
  async () => {
    const large = request(bodyOf(100_001));
    const { content } = await readRequestBody(large, patient);
    assert.ok(content instanceof ReadableStream);
    await assert.rejects(new Response(content).bytes(), { code: "payload_too_large" });
    const stalled = await readRequestBody(request(stalling(new Uint8Array(10))), patient);
    assert.ok(stalled.content instanceof ReadableStream);
    const reader = stalled.content.getReader();
    await reader.read();
    await reader.cancel();
  },
);

Deno.test("a body of a declared length over the limit is refused unread", async () => {
  const reading = readRequestBody(request(bodyOf(1), { "content-length": "100001" }), patient);
  await assert.rejects(reading, { code: "payload_too_large" });
});
