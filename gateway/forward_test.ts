import { defaultPolicy } from "@edgepass/shared/resilience";
import { localUpstream } from "@edgepass/shared/configuration";
import assert from "node:assert/strict";
import { within } from "../tests/support/wait.ts";
import { createForward } from "./forward.ts";
import { type LimitedBody, readRequestBody } from "./request/body.ts";
import { readTarget } from "./request/target.ts";
import { createRouteTable } from "./routes.ts";

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

/** Forwards a body to an upstream that reads all of it, with `timeoutMs` for the response. */
async function forward(
  body: ReadableStream<Uint8Array>,
  { timeoutMs, respondWith, bodyLimits = limits, wrapBody = (limited) => limited }: {
    timeoutMs: number;
    respondWith(request: Request): Promise<Response>;
    bodyLimits?: typeof limits;
    wrapBody?(limited: LimitedBody): LimitedBody;
  },
): Promise<Response> {
  const upstream = localUpstream("x", { fetch: respondWith });
  const table = createRouteTable([{ path: "/a", upstream, access: "public", timeoutMs }], {
    maxTimeoutMs: 30_000,
  });
  const { route } = table.find(["a"], "POST");
  const incoming = request(body);
  const target = readTarget(incoming.url, { maxBytes: 100, maxParameters: 1 });
  return await createForward({ currentPolicy: () => ({ table }) })({
    route,
    target,
    method: "POST",
    headers: [],
    body: wrapBody(await readRequestBody(incoming, bodyLimits)),
    signal: incoming.signal,
  }, (response) => Promise.resolve(response));
}

async function readAll(received: Request): Promise<Response> {
  return Response.json({ bytes: (await received.bytes()).length });
}

Deno.test("[H12] a client that stops sending is request_timeout, not upstream_timeout", async () => {
  const exchange = forward(stalling(new Uint8Array(10)), { timeoutMs: 10, respondWith: readAll });
  await within("the client is cut off", assert.rejects(exchange, { code: "request_timeout" }));
});

/** A client that sends nothing until the time limit has passed twice, and then everything. */
function createSlowUpload() {
  let timesOver = 0;
  const over = Promise.withResolvers<void>();
  const content = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await over.promise;
      controller.enqueue(new Uint8Array(60));
      controller.close();
    },
  }, { highWaterMark: 0 });
  return {
    content,
    /** The time limit has just passed when this is read. */
    wrapBody: (body: LimitedBody): LimitedBody => ({
      ...body,
      isAwaited() {
        timesOver++;
        over.resolve();
        return body.isAwaited();
      },
    }),
    timesOver: () => timesOver,
  };
}

const patient = { ...limits, idleMs: 60_000, totalMs: 60_000 };

Deno.test("the upstream's time limit starts at the end of a slow upload", async () => {
  const { content, wrapBody, timesOver } = createSlowUpload();
  const exchange = forward(content, {
    timeoutMs: 500,
    respondWith: readAll,
    bodyLimits: patient,
    wrapBody,
  });
  const response = await within("the upload has a response", exchange);
  assert.deepEqual(await response.json(), { bytes: 60 });
  assert.equal(timesOver(), 1, "the client was waited for longer than the upstream may take");
});

Deno.test("an upstream without a response to a slow upload is upstream_timeout", async () => {
  const { content, wrapBody } = createSlowUpload();
  const exchange = forward(content, {
    timeoutMs: 10,
    respondWith: async (received) => {
      await readAll(received);
      return await new Promise(() => {});
    },
    bodyLimits: patient,
    wrapBody,
  });
  await within("the time is over", assert.rejects(exchange, { code: "upstream_timeout" }));
});

Deno.test("[F30] an upstream that ignores its abort signal is upstream_timeout too", async () => {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  const deaf = forward(body, { timeoutMs: 10, respondWith: () => new Promise(() => {}) });
  await within("the time is over", assert.rejects(deaf, { code: "upstream_timeout" }));
});

Deno.test("[H11] a body that exceeds its limit is payload_too_large, whatever the upstream does", async () => {
  let left = 100;
  const growing = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(30_000));
      if (--left === 0) controller.close();
    },
  });
  const exchange = forward(growing, {
    timeoutMs: 1000,
    respondWith: (received) => readAll(received).catch(() => Response.json({ code: "internal" })),
  });
  await within("it is cut off", assert.rejects(exchange, { code: "payload_too_large" }));
});

Deno.test("calls over the limit are refused at once, and finished calls release their slots", async () => {
  const held = Promise.withResolvers<Response>();
  const upstream = { name: "x", fetch: () => held.promise };
  const table = createRouteTable([{ path: "/a", upstream, access: "public" }], {
    maxTimeoutMs: 30_000,
  });
  const { route } = table.find(["a"], "GET");
  const send = createForward({
    policies: () => ({ ...defaultPolicy, maxConcurrent: 2 }),
    currentPolicy: () => ({ table }),
  });
  const call = async () => {
    const incoming = new Request("http://gateway.test/a");
    return await send({
      route,
      target: readTarget(incoming.url, { maxBytes: 100, maxParameters: 1 }),
      method: "GET",
      headers: [],
      body: await readRequestBody(incoming, limits),
      signal: incoming.signal,
    }, (response) => Promise.resolve(response.clone()));
  };
  const waiting = [call(), call()];
  await assert.rejects(call(), { code: "upstream_unavailable" });
  held.resolve(new Response("ok"));
  for (const response of await Promise.all(waiting)) await response.body?.cancel();
  await (await call()).body?.cancel();
});

Deno.test("[F39] upstream requests never follow redirects", async () => {
  const modes: RequestRedirect[] = [];
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  const respondWith = (received: Request) => {
    modes.push(received.redirect);
    return Promise.resolve(new Response(null, { status: 302, headers: { location: "/x" } }));
  };
  assert.equal((await forward(body, { timeoutMs: 1000, respondWith })).status, 302);
  assert.deepEqual(modes, ["manual"]);
});
