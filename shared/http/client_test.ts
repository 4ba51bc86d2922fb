import assert from "node:assert/strict";
import { z } from "@hono/zod-openapi";
import { startUnansweringServer } from "../../tests/support/unanswering_server.ts";
import { currentContext, type RequestContext, runInContext } from "../context/request_context.ts";
import { Problem, type ProblemCode } from "../problem.ts";
import { toPolicy } from "../resilience/mod.ts";
import { toSecret } from "../crypto/secrets.ts";
import { localUpstream, urlUpstream } from "../composition/upstream.ts";
import { createClient } from "./client.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
// Not a real token: the test checks only that the bytes are forwarded unchanged.
const passportToken = toSecret("as.it.came");

function setup({ context = {}, respond = () => new Response("ok") }: {
  context?: Partial<RequestContext>;
  respond?: (request: Request) => Response | Promise<Response>;
} = {}) {
  const now = 1_000_000;
  const calls: Request[] = [];
  const outside: Request[] = [];
  const course = localUpstream("course", {
    fetch: async (request) => {
      calls.push(request);
      return await respond(request);
    },
  });
  const client = createClient({
    services: { course },
    now: () => now,
    fetch: (input, init) => {
      outside.push(new Request(input, init));
      return Promise.resolve(new Response("outside"));
    },
  });
  const request: RequestContext = {
    service: "enrollment",
    trace: { traceId, spanId: "00f067aa0ba902b7", flags: 1 },
    passportToken,
    callChain: ["gateway", "enrollment"],
    signal: new AbortController().signal,
    ...context,
  };
  const within = <Result>(work: () => Result) => runInContext(request, work);
  return { calls, client, now, outside, within };
}

function isProblem(code: ProblemCode) {
  return (error: unknown) => error instanceof Problem && error.code === code;
}

Deno.test("a call forwards the Passport unchanged, the trace with a new span, and the call chain", async () => {
  const { calls, client, within } = setup();
  await within(() => client.call("course", "/courses/1?a=b%20c"));
  await within(() => client.call("course", "/courses/1"));
  const [first, second] = calls;
  assert.equal(first?.url, "http://course.internal/courses/1?a=b%20c");
  assert.equal(first?.redirect, "manual");
  assert.equal(first?.headers.get("x-passport"), passportToken);
  assert.equal(first?.headers.get("x-call-chain"), "gateway,enrollment");
  assert.equal(first?.headers.get("x-deadline-ms"), "1000", "the policy's timeout");
  const spans = [first, second].map((call) => call?.headers.get("traceparent")?.split("-"));
  assert.deepEqual(spans.map((parts) => parts?.[1]), [traceId, traceId]);
  assert.equal(new Set([...spans.map((parts) => parts?.[2]), "00f067aa0ba902b7"]).size, 3);
});

Deno.test("a call without a Passport in context sends none, and drops internal headers of its caller", async () => {
  const { calls, client, within } = setup();
  await runInContext(
    {
      service: "s",
      trace: { traceId, spanId: "00f067aa0ba902b7", flags: 1 },
      callChain: [],
      signal: new AbortController().signal,
    },
    () =>
      client.call("course", "/", { headers: { "X-Passport": "forged", "x_passport": "forged" } }),
  );
  await within(() =>
    client.call("course", "/", {
      headers: { "x-passport": "forged", "x-user-id": "1", accept: "text/html" },
    })
  );
  assert.deepEqual(calls.map(({ headers }) => headers.get("x-passport")), [null, passportToken]);
  assert.ok(calls.every(({ headers }) => !headers.has("x_passport") && !headers.has("x-user-id")));
  assert.equal(calls[1]?.headers.get("accept"), "text/html");
});

const budgets: Record<string, [left: number, sent: string | undefined]> = {
  "time left": [250, "250"],
  "a millisecond left": [1, "1"],
  "no time left": [0, undefined],
  "a deadline in the past": [-1, undefined],
};
for (const [what, [leftMs, sent]] of Object.entries(budgets)) {
  Deno.test(`with ${what} a call ${sent ? "forwards the remaining time" : "is not made"}`, async () => {
    const { calls, client, within } = setup({ context: { deadline: 1_000_000 + leftMs } });
    const call = within(() => client.call("course", "/"));
    if (sent) await call;
    else await assert.rejects(call, isProblem("upstream_timeout"));
    assert.deepEqual(calls.map(({ headers }) => headers.get("x-deadline-ms")), sent ? [sent] : []);
  });
}

Deno.test("a call to a service that never responds ends at the deadline", async () => {
  const { client, within } = setup({
    context: { deadline: 1_000_001 },
    respond: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  await assert.rejects(within(() => client.call("course", "/")), isProblem("upstream_timeout"));
});

for (const whose of ["the caller's", "the author's"]) {
  Deno.test(`${whose} abort signal ends the call`, async () => {
    const abort = new AbortController();
    const { calls, client, within } = setup({
      ...(whose === "the caller's" ? { context: { signal: abort.signal } } : {}),
      respond: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          abort.abort();
        }),
    });
    const init = whose === "the caller's" ? {} : { signal: abort.signal };
    await assert.rejects(
      within(() => client.call("course", "/", init)),
      isProblem("upstream_unavailable"),
    );
    assert.ok(calls[0]?.signal.aborted);
  });
}

Deno.test("a call chain of eight services makes no further call", async () => {
  const chainOf = (length: number) => Array.from({ length }, (_, at) => `s${at}`);
  const seven = setup({ context: { callChain: chainOf(7) } });
  await seven.within(() => seven.client.call("course", "/"));
  assert.equal(seven.calls.length, 1);
  const eight = setup({ context: { callChain: chainOf(8) } });
  await assert.rejects(
    eight.within(() => eight.client.call("course", "/")),
    isProblem("upstream_unavailable"),
  );
  assert.equal(eight.calls.length, 0);
});

const elsewhere = [
  "http://evil.test/",
  ".evil.test/",
  "@evil.test/",
  ":8080/",
  "courses",
  "",
  "/courses/../internal",
  "/courses/%2e%2E/internal",
  "/courses/.",
  "/courses\\x",
  "/a b",
];
for (const path of elsewhere) {
  Deno.test(`no Passport goes to ${JSON.stringify(path)}`, async () => {
    const { calls, client, within } = setup();
    await assert.rejects(within(() => client.call("course", path)), TypeError);
    assert.equal(calls.length, 0);
  });
}

Deno.test("a redirect is returned and not followed with the Passport", async () => {
  const { calls, client, within } = setup({
    respond: () => new Response(null, { status: 307, headers: { location: "http://evil.test/" } }),
  });
  const response = await within(() => client.call("course", "/"));
  assert.equal(response.status, 307);
  assert.equal(calls.length, 1);
});

Deno.test("a call outside of a request is refused, because there is no identity", async () => {
  const { calls, client } = setup();
  await assert.rejects(client.call("course", "/"), TypeError);
  assert.equal(calls.length, 0);
});

Deno.test("an unreachable service is upstream_unavailable, with the cause for the log", async () => {
  const cause = new TypeError("connection refused");
  const { client, within } = setup({ respond: () => Promise.reject(cause) });
  await assert.rejects(within(() => client.call("course", "/")), (error) => {
    assert.ok(isProblem("upstream_unavailable")(error));
    return error instanceof Error && error.cause === cause;
  });
});

const internal = {
  "X-Passport": "x",
  "x_passport": "x",
  "X-Passport-Sub": "x",
  "Txn-Token": "x",
  "x-deadline-ms": "1",
  "x-call-chain": "a",
  "x-user-id": "1",
  "x-trace-id": traceId,
  "remote-user": "x",
};
for (const [name, value] of Object.entries(internal)) {
  Deno.test(`fetch to another origin removes ${name}`, async () => {
    const { client, outside, within } = setup();
    await within(() =>
      client.fetch("https://other.test/", { headers: { [name]: value, accept: "*/*" } })
    );
    assert.deepEqual([...outside[0]?.headers ?? []], [["accept", "*/*"]]);
  });
}

for (const method of ["POST", "PATCH"]) {
  Deno.test(`a ${method} without a response is sent only once`, async () => {
    await using server = startUnansweringServer();
    const client = createClient({ services: { course: urlUpstream(server.origin) } });
    const { within } = setup();
    const init = { method, body: "{}", headers: { "content-type": "application/json" } };
    await assert.rejects(
      within(() => client.call("course", "/x", init)),
      isProblem("upstream_unavailable"),
    );
    assert.equal(server.seen.length, 1);
    assert.ok(server.seen[0]?.includes("content-type: application/json"));
  });
}

Deno.test("the context is available in Promise.all, timers and streams", async () => {
  const { calls, client, within } = setup();
  const call = (path: string) => client.call("course", path).then((response) => response.text());
  await within(async () => {
    await Promise.all(["/a", "/b"].map(call));
    await new Promise((resolve, reject) => setTimeout(() => call("/timer").then(resolve, reject)));
    queueMicrotask(() => assert.equal(currentContext()?.service, "enrollment"));
    const stream = new ReadableStream<string>({
      async pull(controller) {
        controller.enqueue(await call("/stream"));
        controller.close();
      },
    });
    for await (const text of stream) assert.equal(text, "ok");
  });
  assert.deepEqual(
    calls.map(({ url, headers }) => [new URL(url).pathname, headers.get("x-passport")]),
    ["/a", "/b", "/timer", "/stream"].map((path) => [path, passportToken]),
  );
});

const Course = z.object({ id: z.string() });

Deno.test("read returns the fields of the schema, and undefined for 404", async () => {
  const found = setup({ respond: () => Response.json({ id: "1", more: true }) });
  assert.deepEqual(await found.within(() => found.client.read("course", "/", Course)), { id: "1" });
  const absent = setup({ respond: () => new Response("no", { status: 404 }) });
  assert.equal(await absent.within(() => absent.client.read("course", "/", Course)), undefined);
});

const unusable = {
  "503": [() => new Response("no", { status: 503 }), "upstream_unavailable"],
  "500": [() => new Response("no", { status: 500 }), "upstream_bad_response"],
  "401": [() => new Response("no", { status: 401 }), "upstream_bad_response"],
  "201": [() => Response.json({ id: "1" }, { status: 201 }), "upstream_bad_response"],
  "a redirect": [() => Response.redirect("http://evil.test/"), "upstream_bad_response"],
  "content that does not fit": [() => Response.json({ id: 1 }), "upstream_bad_response"],
  "no JSON": [() => new Response("<p>"), "upstream_bad_response"],
  "nothing": [() => new Response(null), "upstream_bad_response"],
  "a truncated response": [() => new Response(cutOff()), "upstream_bad_response"],
} as const;
for (const [what, [respond, code]] of Object.entries(unusable)) {
  Deno.test(`read throws ${code} for ${what}`, async () => {
    const { client, within } = setup({ respond });
    await assert.rejects(within(() => client.read("course", "/", Course)), isProblem(code));
  });
}

function cutOff(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"id":'));
      controller.error(new TypeError("connection reset"));
    },
  });
}

Deno.test("the breaker of a failing service opens, and that of another one stays closed", async () => {
  const called: string[] = [];
  const respondingWith = (name: string, status: number) =>
    localUpstream(name, {
      fetch: () => {
        called.push(name);
        return Promise.resolve(Response.json({}, { status }));
      },
    });
  const policy = toPolicy({ maxConcurrent: 1, breaker: { minimumCalls: 3 } });
  const client = createClient({
    services: { ill: respondingWith("ill", 503), well: respondingWith("well", 200) },
    resilience: { policies: () => policy },
  });
  const { within } = setup();
  const call = (name: "ill" | "well") =>
    within(async () => {
      const { status, body } = await client.call(name, "/");
      await body?.cancel();
      return status;
    });
  for (let times = 0; times < 3; times++) assert.equal(await call("ill"), 503);
  await assert.rejects(call("ill"), isProblem("upstream_unavailable"));
  assert.equal(await call("well"), 200);
  assert.deepEqual(called, ["ill", "ill", "ill", "well"]);
});
