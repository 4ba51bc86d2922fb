import assert from "node:assert/strict";
import { within } from "../tests/support/wait.ts";
import { readRequestBody } from "./request_body.ts";

const limits = { maxBytes: 100_000, idleMs: 30, totalMs: 10_000, plain: true };

function request(body: ReadableStream<Uint8Array>, headers: Record<string, string> = {}): Request {
  return new Request("http://gateway.test/a", { method: "POST", body, headers });
}

/** Sends `parts`, and then nothing more for ever. */
function stalling(...parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
    },
  });
}

Deno.test("[H12] a client that stops in the middle is request_timeout, and told to go", async () => {
  const body = stalling(new Uint8Array(10));
  const reading = readRequestBody(request(body, { "content-length": "20" }), limits);
  const refusal = { code: "request_timeout", status: 408, headers: { connection: "close" } };
  await within("the client is cut off", assert.rejects(reading, refusal));
});

Deno.test("[H12] a client that drips is cut off when the time in all is over", async () => {
  let dripped = 0;
  const dripping = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // A turn of the event loop, so that timers get theirs.
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
  assert.ok(dripped > 0, "it was not for silence");
});
