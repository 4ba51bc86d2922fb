import assert from "node:assert/strict";
import type { GatewayCase } from "./gateway_environment.ts";

/** What does not happen fails, instead of waiting for ever. */
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

/** What an upstream may write instead of an answer. */
const unusable: Readonly<Record<string, string | undefined>> = {
  "closes without a word": undefined,
  "speaks no HTTP": "BOO\r\n\r\n",
  "speaks another protocol": "SSH-2.0-OpenSSH_9\r\n",
  "breaks off inside its headers": "HTTP/1.1 200 OK\r\nContent-Type: appl",
  "has a broken header": head("No Colon Here"),
  "answers JSON that is shorter than declared": `${head(`${jsonHead}\r\nContent-Length: 50`)}{"a":`,
  "answers JSON whose chunks break off": `${
    head(`${jsonHead}\r\nTransfer-Encoding: chunked`)
  }5\r\n{"a":`,
};

const broken = Object.fromEntries(
  Object.entries(unusable).map(([what, text]) => [
    `[F33, F34] an upstream that ${what} is upstream_bad_response`,
    (async ({ json, wire, call }) => {
      wire.say(text);
      const answer = await json("/wire");
      assert.deepEqual([answer.status, answer.code], [502, "upstream_bad_response"]);
      assert.equal(answer.headers.get("cache-control"), "no-store");
      assert.ok(!answer.text.includes(new URL(wire.url).port), "no upstream host");
      // Nothing of it is left on a connection that serves the next request.
      assert.equal((await call("/public")).status, 200);
    }) satisfies GatewayCase,
  ]),
);

export const upstreamCases: Readonly<Record<string, GatewayCase>> = {
  ...broken,

  async "[F34] without an envelope, JSON that is garbage passes as it is"({ call, wire }) {
    wire.say(`${head(`${jsonHead}\r\nContent-Length: 5`)}{"a":`);
    const { status, text, headers } = await call("/wire-raw");
    assert.deepEqual([status, text], [200, '{"a":']);
    assert.equal(headers.get("content-type"), "application/json");
  },

  async "[F33] a stream that breaks off never ends as if it were whole"({ call, wire }) {
    for (const lines of ["Content-Length: 200000", "Transfer-Encoding: chunked"]) {
      const part = `"${"x".repeat(99_999)}`;
      const body = lines.startsWith("T") ? `186a0\r\n${part}\r\n` : part;
      wire.say(`${head(lines)}${body}`);
      assert.equal((await call("/wire-raw")).complete, false, lines);
      wire.say(`${head(`${jsonHead}\r\n${lines}`)}${body}`);
      assert.equal((await call("/wire")).complete, false, `${lines} in the envelope`);
    }
  },

  async "[F31, D05] an upstream that nobody serves is 502 or 503, and names no host"(environment) {
    const { json, bindings } = environment;
    const answer = await json("/down");
    assert.ok(answer.status === 503 || answer.status === 502, String(answer.status));
    assert.match(answer.code ?? "", /^upstream_(unavailable|bad_response)$/);
    const [{ upstream }] = JSON.parse(bindings.ROUTES ?? "").slice(-1);
    assert.ok(!answer.raw.includes(new URL(upstream).port));
  },

  async "[F30] a silent upstream is upstream_timeout, and is told to stop"({ json, echo }) {
    const { promise: silence, resolve: release } = Promise.withResolvers<void>();
    echo.answerWith(async (request) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      request.signal.addEventListener("abort", () => resolve());
      await Promise.race([promise, silence]);
      return new Response("late");
    });
    const answer = await json("/slow");
    assert.deepEqual([answer.status, answer.code], [504, "upstream_timeout"]);
    release();
  },

  async "[F30] an upstream that stalls inside a small JSON body is upstream_timeout"(environment) {
    const { json, echo } = environment;
    const { promise: end, resolve: release } = Promise.withResolvers<void>();
    echo.answerWith(() => {
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode('{"a":'));
          await end;
          try {
            controller.close();
          } catch {
            // Told to stop already.
          }
        },
      });
      return new Response(body, { headers: { "content-type": "application/json" } });
    });
    try {
      const answer = await json("/slow");
      assert.deepEqual([answer.status, answer.code], [504, "upstream_timeout"]);
    } finally {
      release();
    }
  },

  async "a body that streams on is not cut off by the route's limit"({ call, echo }) {
    echo.answerWith(() => {
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
      echo.answerWith(() =>
        new Response(null, { status, headers: { location: `${jwks.url}/elsewhere` } })
      );
      const before = jwks.seen.length;
      for (const target of ["/raw", "/public"]) {
        const answer = await call(target);
        assert.equal(answer.status, status);
        assert.equal(answer.headers.get("location"), `${jwks.url}/elsewhere`);
      }
      assert.equal(jwks.seen.length, before);
    }
  },

  async "[F71] a client that leaves while the answer streams takes its call along"(environment) {
    const { origin, echo } = environment;
    const stopped = Promise.withResolvers<void>();
    echo.answerWith(() => {
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

  async "[F71] a client that leaves before the answer takes its call along"({ origin, echo }) {
    const arrived = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    echo.answerWith(async (request) => {
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

  async "a service's problem becomes the failure envelope, or passes as asked"({ json, echo }) {
    const problem = {
      type: "urn:problem:validation_failed",
      title: "Input does not fit",
      status: 422,
      code: "validation_failed",
      detail: "One field is wrong",
      errors: [{ path: "email", message: "Not an address" }],
    };
    echo.answerWith(() =>
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

  async "a foreign error keeps its status and gets the code that stands for it"({ json, echo }) {
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
      echo.answerWith(() => Response.json({ error: "SELECT * FROM people" }, { status }));
      const answer = await json("/public");
      assert.deepEqual([answer.status, answer.code], [status, code]);
      assert.equal(answer.text.includes("SELECT"), status < 500);
      if (status === 429 || status === 503) assert.equal(answer.headers.get("retry-after"), "1");
    }
  },
};
