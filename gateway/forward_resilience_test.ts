import { Problem } from "@edgepass/shared/problem";
import { type PolicyPatch, toPolicy } from "@edgepass/shared/resilience";
import type { Upstream } from "@edgepass/shared/configuration";
import assert from "node:assert/strict";
import { waitUntil } from "../tests/support/wait.ts";
import { createForward } from "./forward.ts";
import { readRequestBody } from "./request/body.ts";
import { readTarget } from "./request/target.ts";
import { readHead, resume } from "./response/body.ts";
import { createRouteTable } from "./routes.ts";

type Serve = (init: RequestInit) => Response | Promise<Response>;

/** A forwarder, and an upstream whose behaviour the test sets; the clock stands still. */
function setup(patch: PolicyPatch = {}, upstreams?: () => readonly string[]) {
  let at = 1_000;
  const policy = toPolicy({ breaker: { minimumCalls: 3, openMs: 1_000 }, ...patch });
  const forward = createForward({
    policies: () => policy,
    effects: {
      now: () => at,
      random: () => 0.5,
      sleep: (ms) => {
        at += ms;
        return Promise.resolve();
      },
    },
    currentPolicy: () => ({
      table: {
        longestTimeoutMs: (name) => upstreams?.().includes(name) === false ? undefined : 30_000,
      },
    }),
  });
  const sent: RequestInit[] = [];
  let serve: Serve = () => new Response("ok");
  const upstreamNamed = (name: string): Upstream => ({
    name,
    async fetch(_target, init = {}) {
      sent.push(init);
      return await serve(init);
    },
  });
  async function send(
    {
      method = "GET",
      name = "course",
      body = null,
      headers = {},
      receive = pass,
      signal,
      timeoutMs = 1_000,
    }: {
      method?: string;
      headers?: Record<string, string>;
      name?: string;
      body?: BodyInit | null;
      receive?: (response: Response) => Promise<Response>;
      signal?: AbortSignal;
      timeoutMs?: number;
    } = {},
  ): Promise<Response> {
    const { route } = createRouteTable(
      [{ path: "/a", upstream: upstreamNamed(name), access: "public", timeoutMs }],
      { maxTimeoutMs: 30_000 },
    ).find(["a"], method);
    const incoming = new Request("http://gateway.test/a", { method, body, headers });
    return await forward({
      route,
      target: readTarget(incoming.url, { maxBytes: 100, maxParameters: 1 }),
      method,
      headers: [["x-deadline-ms", "1000"], ["x-passport", "this.very.request"]],
      body: await readRequestBody(incoming, {
        maxBytes: 1_000,
        idleMs: 10,
        totalMs: 1_000,
        plain: true,
      }),
      signal: signal ?? incoming.signal,
    }, receive);
  }
  /** Earns a retry budget of three retries. */
  const save = async () => {
    for (let call = 0; call < 30; call++) await (await send()).text();
    sent.length = 0;
  };
  return {
    advance: (ms: number) => void (at += ms),
    save,
    send,
    sent,
    serveBy: (next: Serve) => void (serve = next),
  };
}

const pass = (response: Response) => Promise.resolve(response);
const lost = () => Promise.reject(new TypeError("connection reset"));

const repeated: Record<string, [Parameters<ReturnType<typeof setup>["send"]>[0], boolean]> = {
  GET: [{}, true],
  HEAD: [{ method: "HEAD" }, true],
  DELETE: [{ method: "DELETE" }, true],
  "DELETE with a body": [{ method: "DELETE", body: "x" }, false],
  "PUT with a body": [{ method: "PUT", body: "x" }, false],
  "PUT with a body that is buffered": [
    { method: "PUT", body: "x", headers: { "content-length": "1" } },
    false,
  ],
  POST: [{ method: "POST" }, false],
  PATCH: [{ method: "PATCH" }, false],
};
for (const [what, [request, isIt]] of Object.entries(repeated)) {
  Deno.test(`a ${what} without a response is ${isIt ? "retried" : "sent once"}`, async () => {
    const { save, send, sent, serveBy } = setup();
    await save();
    serveBy(lost);
    await assert.rejects(send(request), { code: "upstream_bad_response" });
    assert.equal(sent.length, isIt ? 2 : 1);
  });
}

Deno.test("a retried request has the same Passport and a shorter deadline", async () => {
  const { advance, save, send, sent, serveBy } = setup();
  await save();
  serveBy(() => {
    if (sent.length === 2) return new Response("second");
    advance(100);
    return lost();
  });
  assert.equal(await (await send()).text(), "second");
  const headers = sent.map((init) => new Headers(init.headers));
  assert.deepEqual(headers.map((one) => one.get("x-passport")), Array(2).fill("this.very.request"));
  assert.deepEqual(headers.map((one) => one.get("x-deadline-ms")), ["1000", "875"]);
});

Deno.test("a response of any status is passed on and not retried", async () => {
  const { save, send, sent, serveBy } = setup();
  await save();
  serveBy(() => new Response("no", { status: 503 }));
  assert.equal((await send()).status, 503);
  assert.equal(sent.length, 1);
});

Deno.test("a response without a final status is neither retried nor received", async () => {
  const { save, send, sent, serveBy } = setup();
  await save();
  serveBy(() => Response.error());
  const receive = () => Promise.reject(new TypeError("It was received"));
  await assert.rejects(send({ receive }), { code: "upstream_bad_response" });
  assert.equal(sent.length, 1);
});

const broken = () =>
  new ReadableStream({
    pull(controller) {
      controller.error(new TypeError("connection reset"));
    },
  });

const failures: Record<string, [Serve, typeof pass]> = {
  "that cannot be reached": [lost, pass],
  "with status 502": [() => new Response("no", { status: 502 }), pass],
  "with status 503": [() => new Response("no", { status: 503 }), pass],
  "with status 504": [() => new Response("no", { status: 504 }), pass],
  "whose response has no final status": [() => Response.error(), pass],
  "whose response is truncated": [
    () => new Response(broken()),
    async (response) => resume(response, await readHead(response)),
  ],
  "with status 503 and an unusable body": [
    () => new Response("no", { status: 503 }),
    () => Promise.reject(new Problem("upstream_bad_response")),
  ],
};
for (const [what, [serve, receive]] of Object.entries(failures)) {
  Deno.test(`[D05, F31] the breaker opens for an upstream ${what}, and for no other`, async () => {
    const { advance, send, sent, serveBy } = setup();
    serveBy(serve);
    for (let call = 0; call < 3; call++) await send({ receive }).catch(() => {});
    await assert.rejects(send({ receive }), (error) => {
      assert.ok(error instanceof Problem);
      const { code, headers } = error;
      assert.deepEqual([code, headers], ["upstream_unavailable", { "retry-after": "1" }]);
      return true;
    });
    assert.equal(sent.length, 3);
    serveBy(() => new Response("ok"));
    assert.equal(await (await send({ name: "user" })).text(), "ok");
    advance(1_000);
    for (let call = 0; call < 2; call++) assert.equal(await (await send()).text(), "ok");
  });
}

Deno.test("[F40] an upstream that stalls inside its response has failed at the time limit", async () => {
  const { send, sent } = setup();
  const stall = () => new Promise<Response>(() => {});
  const calls = Array.from({ length: 3 }, () => send({ receive: stall, timeoutMs: 20 }));
  for (const call of calls) await assert.rejects(call, { code: "upstream_timeout" });
  await assert.rejects(send(), { code: "upstream_unavailable" });
  assert.equal(sent.length, 3);
});

Deno.test("[F40] a retry that its route's time cuts off counts as the upstream's failure", async () => {
  const { advance, save, send, sent, serveBy } = setup({ breaker: { minimumCalls: 2 } });
  await save();
  advance(60_000);
  serveBy(() => {
    if (sent.length === 2) return new Promise(() => {});
    advance(900);
    return lost();
  });
  await assert.rejects(send(), { code: "upstream_timeout" });
  await assert.rejects(send(), { code: "upstream_unavailable" });
  assert.equal(sent.length, 2);
});

const innocent: Record<string, (environment: ReturnType<typeof setup>) => Promise<unknown>> = {
  "a client that disconnects": ({ send, serveBy }) => {
    const abort = new AbortController();
    serveBy(() => {
      abort.abort();
      return lost();
    });
    return send({ signal: abort.signal });
  },
  "a body that is cut off": ({ send, serveBy }) => {
    serveBy(async ({ body }) => new Response(await new Response(body as BodyInit).text()));
    const stalling = new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(1)) });
    return send({ method: "POST", body: stalling });
  },
  "an unusable response": ({ send }) =>
    send({ receive: () => Promise.reject(new Problem("upstream_bad_response")) }),
  "a fault of the gateway's own": ({ send }) =>
    send({ receive: () => Promise.reject(new TypeError("Not a function")) }),
  "a response 500": ({ send, serveBy }) => {
    serveBy(() => new Response("no", { status: 500 }));
    return send();
  },
  "a response 404": ({ send, serveBy }) => {
    serveBy(() => new Response("no", { status: 404 }));
    return send();
  },
  "a response 429": ({ send, serveBy }) => {
    serveBy(() => new Response("no", { status: 429 }));
    return send();
  },
  "a failure of the service's own dependency": ({ send, serveBy }) => {
    const headers = { "x-edgepass-fault-elsewhere": "1" };
    serveBy(() => new Response("no", { status: 503, headers }));
    return send();
  },
};
for (const [what, happen] of Object.entries(innocent)) {
  Deno.test(`${what} is not the upstream's failure`, async () => {
    const environment = setup();
    for (let call = 0; call < 10; call++) await happen(environment).catch(() => {});
    environment.serveBy(() => new Response("ok"));
    assert.equal(await (await environment.send()).text(), "ok");
  });
}

Deno.test("an upstream's state is deleted with the upstream, and that of others remains", async () => {
  let names = ["course", "user"];
  const { send, serveBy, sent } = setup({}, () => names);
  const fail = async (name: string) => {
    serveBy(() => Response.json({}, { status: 503 }));
    for (let call = 0; call < 3; call++) await (await send({ method: "POST", name })).text();
    serveBy(() => new Response("ok"));
    await assert.rejects(send({ name }), { code: "upstream_unavailable" });
  };
  await fail("course");
  await fail("user");
  // The configuration removes one upstream and adds another, and later adds the first one again.
  names = ["course", "third"];
  await (await send({ name: "third" })).text();
  await assert.rejects(send({ name: "course" }), { code: "upstream_unavailable" });
  names = ["course", "third", "user"];
  const before = sent.length;
  await (await send({ name: "user" })).text();
  assert.equal(sent.length, before + 1);
});

Deno.test("the call for a disconnected client is aborted from the start", async () => {
  const { send, serveBy, sent } = setup();
  serveBy(({ signal }) => {
    signal?.throwIfAborted();
    return new Response("unread");
  });
  await assert.rejects(send({ signal: AbortSignal.abort() }));
  assert.equal(sent.length, 1);
  assert.ok(sent[0]?.signal?.aborted);
});

/** Deno checks for leaked timers only with these options. */
const watched = { sanitizeOps: true, sanitizeResources: true };
const endings: Readonly<Record<string, [Serve, isIt: "received" | "refused"]>> = {
  "succeeds": [() => new Response("ok"), "received"],
  "fails": [() => Response.json({}, { status: 500 }), "received"],
  "is lost": [lost, "refused"],
  "throws": [() => {
    throw new TypeError("no request");
  }, "refused"],
};
for (const [how, [serve, isIt]] of Object.entries(endings)) {
  Deno.test(`a call that ${how} leaks neither a timer nor a bulkhead slot`, watched, async () => {
    const { send, serveBy } = setup({ maxConcurrent: 1, breaker: { minimumCalls: 1_000_000 } });
    serveBy(serve);
    for (let times = 0; times < 3; times++) {
      const call = send({ method: "POST" });
      if (isIt === "received") await (await call).text();
      else await assert.rejects(call, { code: "upstream_bad_response" });
    }
    serveBy(() => new Response("ok"));
    await (await send()).text();
  });
}

Deno.test("a response that cannot be received releases its slot", watched, async () => {
  const { send } = setup({ maxConcurrent: 1, breaker: { minimumCalls: 1_000_000 } });
  const broken = () => send({ receive: () => Promise.reject(new Problem("internal")) });
  await assert.rejects(broken(), { code: "internal" });
  await assert.rejects(broken(), { code: "internal" });
  await (await send()).text();
});

Deno.test("each attempt counts for the breaker, not only the last one", async () => {
  const { advance, save, send, sent, serveBy } = setup({ breaker: { minimumCalls: 2 } });
  await save();
  advance(60_000);
  serveBy(lost);
  await assert.rejects(send(), { code: "upstream_bad_response" });
  assert.equal(sent.length, 2);
  await assert.rejects(send(), { code: "upstream_unavailable" });
  assert.equal(sent.length, 2, "the breaker is open");
});

Deno.test("the slot of a call that ended with its isolate is free again after a minute", async () => {
  const { advance, send, sent, serveBy } = setup({ maxConcurrent: 1 });
  const abort = new AbortController();
  serveBy(({ signal }) =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)))
  );
  const held = send({ signal: abort.signal, timeoutMs: 30_000 });
  await waitUntil("it is sent", () => sent.length === 1, 5_000);
  serveBy(() => new Response("ok"));
  advance(59_999);
  await assert.rejects(send(), { code: "upstream_unavailable" });
  advance(1);
  assert.equal(await (await send()).text(), "ok");
  abort.abort();
  await assert.rejects(held);
});

Deno.test("[F30] an upstream call over its time limit gets an abort signal", async () => {
  const { send, serveBy, sent } = setup();
  serveBy(() => Response.json({}));
  const refuse = () => Promise.reject(new Problem("upstream_bad_response"));
  await assert.rejects(send({ method: "POST", receive: refuse }));
  assert.ok(sent[0]?.signal?.aborted);
  await (await send({ method: "POST" })).text();
  assert.ok(!sent[1]?.signal?.aborted, "and a call with a response is not");
});
