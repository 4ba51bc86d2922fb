import fc from "fast-check";
import assert from "node:assert/strict";
import { wrapResponse } from "./envelope.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const encoder = new TextEncoder();

/** A service's response whose body arrives in parts of these lengths, repeated. */
function inParts(text: string, lengths: readonly number[], init: ResponseInit = {}): Response {
  const bytes = encoder.encode(text);
  let [at, part] = [0, 0];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at === bytes.length) return controller.close();
      const length = lengths[part++ % lengths.length] ?? bytes.length;
      controller.enqueue(bytes.slice(at, at + length));
      at = Math.min(at + length, bytes.length);
    },
  });
  return new Response(body, { headers: { "content-type": "application/json" }, ...init });
}

async function wrap(response: Response): Promise<Response> {
  const request = new Request("http://gateway.test/");
  const headers = new Headers(response.headers);
  return await wrapResponse(request, response, { headers, traceId, envelope: true });
}

const partLengths = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 });
const enveloped = (text: string) => `{"success":true,"data":${text},"traceId":"${traceId}"}`;

Deno.test("any JSON value is in the envelope byte for byte, however its parts arrive", async () => {
  const value = fc.jsonValue().map((json) => JSON.stringify(json));
  const spaced = fc.tuple(value, fc.constantFrom("", " ", "\n\t")).map(([text, blank]) =>
    blank + text + blank
  );
  await fc.assert(fc.asyncProperty(spaced, partLengths, async (text, lengths) => {
    const response = await wrap(inParts(text, lengths));
    assert.equal(await response.text(), enveloped(text));
  }));
});

Deno.test("a body of about, exactly and over 64 KiB is in the envelope byte for byte", async () => {
  const length = fc.oneof(
    fc.integer({ min: 65_530, max: 65_542 }),
    fc.integer({ min: 60_000, max: 300_000 }),
  );
  await fc.assert(
    fc.asyncProperty(length, partLengths, async (bytes, lengths) => {
      const text = JSON.stringify("é".repeat((bytes - 2) >> 1) + "x".repeat(bytes & 1));
      const response = await wrap(inParts(text, lengths.map((it) => it + 500)));
      const wrapped = await response.text();
      assert.ok(wrapped === enveloped(text));
      assert.equal(JSON.parse(wrapped).data, JSON.parse(text));
    }),
    { numRuns: 40 },
  );
});

Deno.test("[F34] bytes that are not JSON pass unchanged, and are never wrapped", async () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  await fc.assert(fc.asyncProperty(bytes, async (body) => {
    const headers = { "content-type": "application/json", "etag": '"1"' };
    const response = await wrap(new Response(new Uint8Array(body), { headers }));
    const text = readAsJson(body);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("etag"), text === undefined ? '"1"' : 'W/"1"');
    if (text === undefined) assert.deepEqual(await response.bytes(), new Uint8Array(body));
    else assert.equal(await response.text(), enveloped(text));
  }));
});

/** The text inside the envelope, undefined for none. */
function readAsJson(body: Uint8Array): string | undefined {
  try {
    // By default a decoder removes a byte order mark.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    if (text.replace(/[ \t\r\n]/g, "") === "") return "null";
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

Deno.test("headers that describe the upstream's bytes are removed with the envelope", async () => {
  const text = '{"a":1}';
  const response = await wrap(inParts(text, [7], {
    headers: {
      "content-type": "application/vnd.api+json",
      "content-length": "7",
      "content-digest": "sha-256=:x:",
      "accept-ranges": "bytes",
      "etag": '"1"',
      "x-other": "1",
    },
  }));
  await response.body?.cancel();
  assert.deepEqual(Object.fromEntries(response.headers), {
    "content-type": "application/json",
    "etag": 'W/"1"',
    "x-other": "1",
  });
});

Deno.test("[F34] a failure of more than 64 KiB keeps its status, and its rest is not read", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(30_000)),
    cancel() {
      cancelled = true;
    },
  });
  const headers = { "content-type": "application/json" };
  const response = new Response(body, { status: 500, headers });
  const wrapped = await wrap(response);
  assert.equal(wrapped.status, 500);
  assert.equal((await wrapped.json()).error.code, "internal");
  assert.ok(cancelled);
});

Deno.test("[H13] a failure that inflates without end is read up to 64 KiB, whatever its length says", async () => {
  const parts = 200;
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === parts) return controller.close();
      sent++;
      controller.enqueue(encoder.encode(" ".repeat(30_000)));
    },
  });
  // As `fetch` responds: the body is inflated, the headers still describe the compressed one.
  const headers = {
    "content-type": "application/problem+json",
    "content-encoding": "gzip",
    "content-length": "6000",
  };
  const response = new Response(body, { status: 422, headers });
  const wrapped = await wrapResponse(new Request("http://gateway.test/"), response, {
    headers: new Headers({ "content-type": "application/problem+json" }),
    traceId,
    envelope: true,
  });
  assert.equal(wrapped.status, 422);
  await wrapped.body?.cancel();
  assert.ok(sent < 10, `${sent} parts of ${parts} were read`);
});

Deno.test("a client that disconnects during a streamed envelope cancels the service's stream", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(encoder.encode(" ".repeat(40_000))),
    cancel: (reason) => cancelled.resolve(reason),
  });
  const response = await wrap(
    new Response(body, { headers: { "content-type": "application/json" } }),
  );
  await response.body?.cancel("left");
  assert.equal(await cancelled.promise, "left");
});

const heads = {
  "a success": [200, "application/json", "*/*", "application/json"],
  "a failure": [404, "application/problem+json", "*/*", "application/json"],
  "problem details": [
    404,
    "application/problem+json",
    "application/problem+json",
    "application/problem+json",
  ],
} as const;
for (const [what, [status, type, accept, expected]] of Object.entries(heads)) {
  Deno.test(`HEAD of ${what} has the media type that GET would have [RFC 9110 §9.3.2]`, async () => {
    const request = new Request("http://gateway.test/", { method: "HEAD", headers: { accept } });
    const headers = new Headers({ "content-type": type });
    const response = await wrapResponse(request, new Response(null, { status, headers }), {
      headers,
      traceId,
      envelope: true,
    });
    assert.deepEqual([response.status, response.headers.get("content-type")], [status, expected]);
    assert.equal(await response.text(), "");
  });
}
