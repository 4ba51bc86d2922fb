import assert from "node:assert/strict";
import type { PolicyPatch } from "@edgepass/shared/resilience";
import type { Environment, GatewayCase } from "./gateway_environment.ts";

/** An upstream's response, and what the client receives. */
interface Content {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** `data` of the envelope. */
  readonly data?: unknown;
  /** The problem code in the failure envelope. */
  readonly code?: string;
  /** Bytes and media type pass unchanged. */
  readonly passes?: true;
}

const mark = "\ufeff";
const large = JSON.stringify({ text: "é".repeat(50_000) });
const latin1 = Uint8Array.of(...[0x22, 0xe9, 0x22]); // "é"
const problem = "application/problem+json";
const json = "application/json";

function utf16(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint16Array.from(text, (char) => char.charCodeAt(0)).buffer);
}

/**
 * A failure of more than 64 KiB. The given members come first; the same names also occur deeper.
 */
function longFailure(members: object): string {
  const errors = Array.from({ length: 4_000 }, () => ({ code: "deeper", message: "Not this" }));
  return JSON.stringify({ at: { code: "deeper" }, ...members, errors });
}

const contents: Readonly<Record<string, Content>> = {
  "an empty body": { data: null },
  "an empty body of 201": { status: 201, data: null },
  "an empty body of 202": { status: 202, data: null },
  "an empty body of 301": { status: 301, headers: { location: "/raw" }, data: null },
  "white space": { body: " \r\n\t", data: null },
  "a byte order mark alone": { body: mark, data: null },
  "an empty 400": { status: 400, code: "validation_failed" },
  "an empty 404": { status: 404, code: "not_found" },
  "an empty 409 as problem details": {
    status: 409,
    headers: { "content-type": problem },
    code: "conflict",
  },
  "an empty 500": { status: 500, code: "internal" },
  "an empty 401": { status: 401, code: "authentication_required" },
  "a byte order mark": { body: `${mark}{"a":1}`, data: { a: 1 } },
  "a byte order mark before 100 kB": { body: mark + large, data: JSON.parse(large) },
  "a byte order mark in a failure": {
    status: 422,
    body: `${mark}{"code":"too_old"}`,
    code: "too_old",
  },
  "another charset that is not needed": {
    headers: { "content-type": `${json}; charset=iso-8859-1` },
    body: '{"a":1}',
    data: { a: 1 },
  },
  "Latin-1": {
    headers: { "content-type": `${json}; charset=iso-8859-1` },
    body: latin1,
    passes: true,
  },
  "Latin-1 in a failure": {
    status: 404,
    headers: { "content-type": `${problem}; charset=iso-8859-1` },
    body: latin1,
    passes: true,
  },
  "100 kB declared as Latin-1": {
    headers: { "content-type": `${json};charset="ISO-8859-1"` },
    body: large,
    passes: true,
  },
  "UTF-16": {
    headers: { "content-type": `${json}; charset=utf-16` },
    body: utf16('{"a":1}'),
    passes: true,
  },
  "NaN": { body: '{"a":NaN}', passes: true },
  "NaN at the beginning of 100 kB": { body: `[NaN,${large}]`, passes: true },
  "a JSON hijacking prefix": { body: `)]}',\n{"a":1}`, passes: true },
  "two documents": { body: "{}{}", passes: true },
  "half a document": { status: 201, body: '{"a":', passes: true },
  "half a document in a redirect": {
    status: 302,
    headers: { location: "/raw" },
    body: '{"a":',
    passes: true,
  },
  "half a document in a failure": { status: 422, body: '{"a":', passes: true },
  "half a document in a 4xx": {
    status: 401,
    headers: { "content-type": problem },
    body: '{"code":',
    passes: true,
  },
  "half a document in a server error": { status: 500, body: '{"query":"SELECT', code: "internal" },
  "a coding that the request did not accept": {
    headers: { "content-encoding": "x-unknown" },
    body: "\u0001\u0002",
    passes: true,
  },
  "a failure in such a coding": {
    status: 409,
    headers: { "content-encoding": "x-unknown" },
    body: "\u0001\u0002",
    passes: true,
  },
  "a server error in such a coding": {
    status: 500,
    headers: { "content-encoding": "x-unknown" },
    body: "SELECT",
    code: "internal",
  },
  "a failure of 100 kB": {
    status: 422,
    body: longFailure({ code: "too_many", message: "Many are wrong" }),
    code: "too_many",
  },
  "a failure of 100 kB without a code": { status: 403, body: longFailure({}), code: "forbidden" },
  "a server error of 100 kB": {
    status: 500,
    body: longFailure({ message: "SELECT * FROM people" }),
    code: "internal",
  },
  "a failure of 100 kB that is not JSON": {
    status: 404,
    body: "x".repeat(100_000),
    code: "not_found",
  },
  "a failure nested 30,000 levels deep": {
    status: 422,
    body: `{"code":"too_deep","errors":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
    code: "too_deep",
  },
  "a service's own problem code that begins with passport_": {
    status: 401,
    headers: { "content-type": problem },
    body: '{"code":"passport_photo_missing"}',
    code: "passport_photo_missing",
  },
  "passport_required with another status": {
    status: 403,
    body: '{"code":"passport_required"}',
    code: "passport_required",
  },
};

function toResponse({ status = 200, headers = {}, body = "" }: Content): Response {
  // Deno would add a charset of its own to a string body.
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new Response(bytes.length === 0 ? null : bytes, {
    status,
    headers: { "content-type": json, etag: '"strong"', ...headers },
  });
}

async function check({ call, echo }: Environment, content: Content): Promise<void> {
  echo.respondWith(() => toResponse(content));
  const { status, headers, body, text, complete } = await call("/public");
  assert.ok(complete);
  assert.equal(status, content.status ?? 200);
  assert.equal(headers.get("location"), content.headers?.location ?? null);
  if (content.passes) {
    const sent = toResponse(content);
    for (const name of ["content-type", "content-encoding", "etag"]) {
      assert.equal(headers.get(name), sent.headers.get(name), name);
    }
    assert.deepEqual(body, await sent.bytes());
    return;
  }
  assert.equal(headers.get("content-type"), json);
  assert.equal(headers.get("content-encoding"), null);
  const { success, data, error, traceId } = JSON.parse(text);
  assert.equal(traceId, headers.get("x-trace-id"));
  if (content.code === undefined) {
    assert.deepEqual({ success, data }, { success: true, data: content.data });
  } else assert.deepEqual({ success, code: error.code }, { success: false, code: content.code });
  assert.ok(!text.includes("SELECT"), "no text of a server error");
}

const shown = Object.fromEntries(
  Object.entries(contents).map(([what, content]) => {
    const gets = content.passes
      ? "passes as it is"
      : content.code === undefined
      ? "is data"
      : `is ${content.code}`;
    const name = `[F34, P13] ${what} ${gets}, with its status`;
    return [name, ((environment) => check(environment, content)) satisfies GatewayCase];
  }),
);

const minimumCalls = 5;

/** A gateway whose breakers open after five failures, and stay open. */
async function openSoon(environment: Environment, more: PolicyPatch = {}) {
  const breaker = { minimumCalls, openMs: 600_000, windowMs: 600_000 };
  const served = await environment.serve({ POLICY: JSON.stringify({ breaker, ...more }) });
  const send = async (path: string): Promise<number> => {
    const response = await fetch(served.origin + path, { redirect: "manual" });
    await response.arrayBuffer().catch(() => {});
    return response.status;
  };
  return { send, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

const wireHead = (lines: string) => `HTTP/1.1 200 OK\r\nContent-Type: ${json}\r\n${lines}\r\n\r\n`;

export const contentCases: Readonly<Record<string, GatewayCase>> = {
  ...shown,

  async "[F40, D05] what the gateway cannot process never shuts an upstream"(environment) {
    const { echo } = environment;
    await using gateway = await openSoon(environment);
    for (const [what, content] of Object.entries(contents)) {
      echo.respondWith(() => toResponse(content));
      for (let call = 0; call <= minimumCalls; call++) {
        assert.equal(await gateway.send("/public"), content.status ?? 200, what);
      }
      echo.reset();
      assert.equal(await gateway.send("/public"), 200, `after ${what}`);
    }
  },

  async "[P13, F40] a refusal of the gateway's own Passport is 502, and shuts no upstream"(
    environment,
  ) {
    const { echo } = environment;
    await using gateway = await openSoon(environment);
    for (const code of ["passport_required", "passport_invalid"]) {
      for (const type of [json, problem]) {
        for (const body of [JSON.stringify({ code }), longFailure({ code })]) {
          const headers = { "content-type": type };
          echo.respondWith(() => toResponse({ status: 401, headers, body }));
          for (let call = 0; call <= minimumCalls; call++) {
            assert.equal(await gateway.send("/public"), 502, `${code} as ${type}`);
          }
        }
      }
    }
    echo.reset();
    assert.equal(await gateway.send("/public"), 200);
  },

  async "[F40] 500 of one path does not shut the others; 502, 503 and 504 do"(environment) {
    const { echo } = environment;
    await using gateway = await openSoon(environment);
    echo.respondWith(() => Response.json({}, { status: 500 }));
    for (let call = 0; call < 2 * minimumCalls; call++) {
      assert.equal(await gateway.send("/public"), 500);
    }
    echo.reset();
    assert.equal(await gateway.send("/public"), 200);
    for (const status of [502, 503, 504]) {
      await using other = await openSoon(environment);
      echo.respondWith(() => Response.json({}, { status }));
      for (let call = 0; call < minimumCalls; call++) {
        assert.equal(await other.send("/public"), status);
      }
      echo.reset();
      assert.equal(await other.send("/public"), 503, `shut by ${status}`);
    }
  },

  async "[F33, F40] a response that breaks off is 502, and counts as no response"(environment) {
    const { wire } = environment;
    await using gateway = await openSoon(environment);
    const cut = [
      `${wireHead("Content-Length: 50")}{"a":`,
      `${wireHead("Transfer-Encoding: chunked")}5\r\n{"a":\r\n`,
      `${wireHead("Transfer-Encoding: chunked")}`,
    ];
    for (let call = 0; call < minimumCalls; call++) {
      wire.setReply(cut[call % cut.length] ?? "");
      assert.equal(await gateway.send("/wire"), 502, `call ${call}`);
    }
    wire.setReply(`${wireHead("Content-Length: 2\r\nConnection: close")}{}`);
    assert.equal(await gateway.send("/wire"), 503);
  },

  async "[F34] a megabyte that is not valid JSON never ends as a complete 200"(environment) {
    const { call, wire, echo } = environment;
    const start = `{"text":"${"x".repeat(1_000_000)}`;
    const endings = [`",}`, `"}}`, `"},"success":false`, "", "\\x", "\n"];
    for (const ending of endings) {
      echo.respondWith(() => toResponse({ body: start + ending }));
      const { complete, status } = await call("/public");
      assert.deepEqual([status, complete], [200, false], ending);
    }
    // Without a length the body ends where the connection ends, so a truncated body looks complete.
    wire.setReply(`${wireHead("Connection: close")}${start}`);
    assert.equal((await call("/wire")).complete, false);
    const bytes = new TextEncoder().encode(`${start}"}`).with(999_999, 0xff);
    echo.respondWith(() => toResponse({ body: bytes }));
    assert.equal((await call("/public")).complete, false);
  },

  async "[F34] chunks without content are data too"({ json, wire }) {
    wire.setReply(`${wireHead("Transfer-Encoding: chunked\r\nConnection: close")}0\r\n\r\n`);
    const { status, value } = await json("/wire");
    assert.deepEqual([status, value.success, value.data], [200, true, null]);
  },

  async "[F34] without the envelope every one of them passes byte for byte"({ call, echo }) {
    for (const [what, content] of Object.entries(contents)) {
      echo.respondWith(() => toResponse(content));
      const { status, headers, body } = await call("/raw");
      assert.equal(status, content.status ?? 200, what);
      assert.deepEqual(body, await toResponse(content).bytes(), what);
      assert.equal(headers.get("etag"), '"strong"', what);
    }
  },

  async "HEAD and the statuses without a body have no envelope to speak of"({ call, echo }) {
    const headers = { "content-encoding": "x-unknown" };
    echo.respondWith(() => toResponse({ headers }));
    const head = await call("/public", { method: "HEAD" });
    assert.equal(head.headers.get("etag"), '"strong"', "as GET, which passes as it is");
    for (const status of [204, 304]) {
      echo.respondWith(() => toResponse({ status }));
      const response = await call("/public");
      assert.deepEqual([response.status, response.text], [status, ""]);
    }
  },
};
