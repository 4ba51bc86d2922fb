import assert from "node:assert/strict";
import type { GatewayCase } from "./gateway_environment.ts";

/** Fails where the promise does not settle, instead of a test that waits for ever. */
async function within<Value>(promise: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("It did not happen")), 5_000);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const head = (lines: string) => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`;
const jsonHead = "Content-Type: application/json\r\nConnection: close";

/** What an upstream may write instead of a valid response. */
const unusable: Readonly<Record<string, string | undefined>> = {
  "closes without a byte": undefined,
  "speaks no HTTP": "BOO\r\n\r\n",
  "speaks another protocol": "SSH-2.0-OpenSSH_9\r\n",
  "breaks off inside its headers": "HTTP/1.1 200 OK\r\nContent-Type: appl",
  "has a broken header": head("No Colon Here"),
  "responds with JSON that is shorter than declared": `${
    head(`${jsonHead}\r\nContent-Length: 50`)
  }{"a":`,
  "responds with JSON whose chunks break off": `${
    head(`${jsonHead}\r\nTransfer-Encoding: chunked`)
  }5\r\n{"a":`,
};

const broken = Object.fromEntries(
  Object.entries(unusable).map(([what, text]) => [
    `[F33, F34] an upstream that ${what} is upstream_bad_response`,
    (async ({ json, wire, call }) => {
      wire.setReply(text);
      const response = await json("/wire");
      assert.deepEqual([response.status, response.code], [502, "upstream_bad_response"]);
      assert.equal(response.headers.get("cache-control"), "no-store");
      assert.ok(!response.text.includes(new URL(wire.url).port), "no upstream host");
      // No leftover bytes of it may reach the next response on the same connection.
      assert.equal((await call("/public")).status, 200);
    }) satisfies GatewayCase,
  ]),
);

export const upstreamCases: Readonly<Record<string, GatewayCase>> = {
  ...broken,

  async "[F34] without an envelope, JSON that is garbage passes as it is"({ call, wire }) {
    wire.setReply(`${head(`${jsonHead}\r\nContent-Length: 5`)}{"a":`);
    const { status, text, headers } = await call("/wire-raw");
    assert.deepEqual([status, text], [200, '{"a":']);
    assert.equal(headers.get("content-type"), "application/json");
  },

  async "[F33] a stream that breaks off never ends like a complete one"({ call, wire }) {
    for (const lines of ["Content-Length: 200000", "Transfer-Encoding: chunked"]) {
      const part = `"${"x".repeat(99_999)}`;
      const body = lines.startsWith("T") ? `186a0\r\n${part}\r\n` : part;
      wire.setReply(`${head(lines)}${body}`);
      assert.equal((await call("/wire-raw")).complete, false, lines);
      wire.setReply(`${head(`${jsonHead}\r\n${lines}`)}${body}`);
      assert.equal((await call("/wire")).complete, false, `${lines} in the envelope`);
    }
  },

  async "[F31, D05] an unreachable upstream is 502 or 503, and no host is named"(environment) {
    const { json, bindings } = environment;
    const response = await json("/down");
    assert.ok(response.status === 503 || response.status === 502, String(response.status));
    assert.match(response.code ?? "", /^upstream_(unavailable|bad_response)$/);
    const [{ upstream }] = JSON.parse(bindings.ROUTES ?? "").slice(-1);
    assert.ok(!response.raw.includes(new URL(upstream).port));
  },

  async "[F30] a silent upstream is upstream_timeout, and its call is cancelled"({ json, echo }) {
    const { promise: silence, resolve: release } = Promise.withResolvers<void>();
    echo.respondWith(async (request) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      request.signal.addEventListener("abort", () => resolve());
      await Promise.race([promise, silence]);
      return new Response("late");
    });
    const response = await json("/slow");
    assert.deepEqual([response.status, response.code], [504, "upstream_timeout"]);
    release();
  },

  async "[F30] an upstream that stalls inside a small JSON body is upstream_timeout"(environment) {
    const { json, echo } = environment;
    const { promise: end, resolve: release } = Promise.withResolvers<void>();
    echo.respondWith(() => {
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode('{"a":'));
          await end;
          try {
            controller.close();
          } catch {
            // Already cancelled.
          }
        },
      });
      return new Response(body, { headers: { "content-type": "application/json" } });
    });
    try {
      const response = await json("/slow");
      assert.deepEqual([response.status, response.code], [504, "upstream_timeout"]);
    } finally {
      release();
    }
  },

  async "a body that streams on is not cut off by the route's limit"({ call, echo }) {
    echo.respondWith(() => {
      let ticks = 0;
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          controller.enqueue(new TextEncoder().encode("tick\n"));
          if (++ticks === 6) controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const { text, complete } = await call("/slow");
    assert.equal(text, "tick\n".repeat(6));
    assert.ok(complete);
  },

  async "[F39] a redirect is handed back, and nothing is sent to where it leads"(environment) {
    const { call, echo, jwks } = environment;
    for (const status of [301, 302, 303, 307, 308]) {
      echo.respondWith(() =>
        new Response(null, { status, headers: { location: `${jwks.url}/elsewhere` } })
      );
      const before = jwks.seen.length;
      for (const target of ["/raw", "/public"]) {
        const response = await call(target);
        assert.equal(response.status, status);
        assert.equal(response.headers.get("location"), `${jwks.url}/elsewhere`);
      }
      assert.equal(jwks.seen.length, before);
    }
  },

  async "[F71] a client that leaves while the response streams cancels its upstream call"(
    environment,
  ) {
    const { origin, echo } = environment;
    const stopped = Promise.withResolvers<void>();
    echo.respondWith(() => {
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.enqueue(new TextEncoder().encode("tick"));
        },
        cancel: () => stopped.resolve(),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const leave = new AbortController();
    const response = await fetch(`${origin}/raw`, { signal: leave.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    leave.abort();
    await reader?.closed.catch(() => {});
    await within(stopped.promise);
  },

  async "[F71] a client that leaves before the response cancels its upstream call"(
    { origin, echo },
  ) {
    const arrived = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    echo.respondWith(async (request) => {
      request.signal.addEventListener("abort", () => stopped.resolve());
      arrived.resolve();
      await within(stopped.promise).catch(() => {});
      return new Response("late");
    });
    const leave = new AbortController();
    const call = fetch(`${origin}/raw`, { signal: leave.signal });
    await arrived.promise;
    leave.abort();
    await assert.rejects(call);
    await within(stopped.promise);
  },

  async "a service's problem becomes the failure envelope, or passes where the client accepts problem details"(
    { json, echo },
  ) {
    const problem = {
      type: "urn:problem:validation_failed",
      title: "Input does not fit",
      status: 422,
      code: "validation_failed",
      detail: "One field is wrong",
      errors: [{ path: "email", message: "Not an address" }],
    };
    echo.respondWith(() =>
      Response.json(problem, {
        status: 422,
        headers: { "content-type": "application/problem+json" },
      })
    );
    const { value, status } = await json("/public");
    assert.equal(status, 422);
    assert.deepEqual(value.error, {
      code: "validation_failed",
      message: "One field is wrong",
      details: problem.errors,
    });
    const asProblem = await json("/public", { headers: [["Accept", "application/problem+json"]] });
    const { traceId, ...rest } = JSON.parse(asProblem.text);
    assert.deepEqual(rest, problem);
    assert.equal(traceId, asProblem.headers.get("x-trace-id"));
  },

  async "an upstream's error passes with its status and gets the matching problem code"(
    { json, echo },
  ) {
    for (
      const [status, code] of [
        [400, "validation_failed"],
        [401, "authentication_required"],
        [403, "forbidden"],
        [404, "not_found"],
        [409, "conflict"],
        [418, "validation_failed"],
        [429, "rate_limited"],
        [500, "internal"],
        [503, "upstream_unavailable"],
        [507, "upstream_bad_response"],
      ] as const
    ) {
      echo.respondWith(() => Response.json({ error: "SELECT * FROM people" }, { status }));
      const response = await json("/public");
      assert.deepEqual([response.status, response.code], [status, code]);
      assert.equal(response.text.includes("SELECT"), status < 500);
      if (status === 429 || status === 503) assert.equal(response.headers.get("retry-after"), "1");
    }
  },
};
