import assert from "node:assert/strict";
import http2 from "node:http2";
import { type Environment, type GatewayCase, publicOrigin } from "./gateway_environment.ts";
import { sendOnWire } from "./gateway_wire.ts";
import { waitUntil } from "../support/wait.ts";

const crossSite = [["Origin", "https://evil.test"]] as const;

function clearedOf(headers: Headers): string[] {
  return headers.getSetCookie().filter((cookie) => cookie.includes("Max-Age=0"))
    .map((cookie) => cookie.split("=")[0] ?? "");
}

/** The body of a response over HTTP/2, where any target can be sent. */
async function fetchHttp2(origin: string, method: string, target: string) {
  const session = http2.connect(origin);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
    const stream = session.request({ ":method": method, ":path": target });
    let [status, text] = [0, ""];
    stream.on("response", (headers) => status = Number(headers[":status"]));
    stream.setEncoding("utf8").on("data", (part) => text += part);
    stream.on("end", () => resolve({ status, text })).on("error", reject).end();
    return await promise;
  } finally {
    session.close();
  }
}

/** Checks the log line only where the runtime exposes log lines. */
function requireOneLine({ runtime, logLines }: Environment, before: number): void {
  const lines = logLines.slice(before).filter((line) => line.includes("Request completed"));
  if (runtime === "deno") assert.equal(lines.length, 1);
}

const shadowWarning =
  "The product's own routes come before a part of this external route: choose another prefix";

export const ownCases: Readonly<Record<string, GatewayCase>> = {
  async "a prefix of ROUTES that the product's own rows shadow is named at start"(environment) {
    const { echo, bindings } = environment;
    const added = ["/items", "/items/new/deep", "/login/x", "/admin", "/things", "/"];
    const rows = added.map((prefix) => ({ prefix, upstream: echo.url, access: "public" }));
    const known = JSON.parse(bindings.ROUTES ?? "[]");
    const others = known.filter(({ prefix }: { prefix: string }) => !added.includes(prefix));
    await using gateway = await environment.serve({ ROUTES: JSON.stringify([...others, ...rows]) });
    for (const path of ["/items/a/b", "/items/a/b"]) {
      const response = await fetch(`${gateway.origin}${path}`);
      assert.equal((await response.json()).data?.target, path, "the rest of it is reached");
    }
    const readWarnings = () =>
      gateway.logLines.map((line) => JSON.parse(line))
        .filter(({ message }) => message === shadowWarning)
        .map(({ prefix, rows, count }) => [prefix, rows, count]);
    await waitUntil("both are named", () => readWarnings().length > 1, 20_000);
    assert.deepEqual(readWarnings(), [
      ["/items/*", ["/items/{id}", "/items/new"], 2],
      ["/admin/*", ["/admin/keys"], 1],
    ]);
    const row = { prefix: "/logout", upstream: echo.url, access: "public" };
    environment.redis.configure(1, { gateway: { routes: [row] } });
    const headers = { authorization: `Bearer ${await environment.token()}` };
    await (await fetch(`${gateway.origin}/member`, { headers })).body?.cancel();
    await waitUntil("the central row is named too", () => readWarnings().length > 2, 20_000);
    assert.deepEqual(readWarnings().slice(2), [["/logout/*", ["/logout"], 1]]);
  },

  async "the root names the product and links its documents"({ json, call }) {
    const { status, value, headers } = await json("/");
    assert.deepEqual([status, value.success], [200, true]);
    assert.deepEqual(value.data, {
      title: "Edgepass",
      description: "An API behind an Edgepass gateway",
      documentation: `${publicOrigin}/docs`,
      liveness: `${publicOrigin}/livez`,
      readiness: `${publicOrigin}/readyz`,
    });
    assert.equal(value.traceId, headers.get("x-trace-id"));
    const head = await call("/", { method: "HEAD" });
    assert.deepEqual([head.status, head.text], [200, ""]);
    const refused = await json("/", { method: "POST" });
    assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
  },

  async "a row at the root goes before the document there"({ serve, bindings, echo }) {
    const row = { prefix: "/", upstream: echo.url, access: "public" };
    await using gateway = await serve({ ...bindings, ROUTES: JSON.stringify([row]) });
    const { status } = await sendOnWire(gateway.origin, { target: "/" });
    assert.deepEqual([status, echo.last().target], [200, "/"]);
  },

  async "the line of an administration request names its caller, refused or not"(environment) {
    const { call, logLines, runtime, token } = environment;
    for (const [roles, status] of [[["admin"], 200], [["learner"], 403]] as const) {
      const before = logLines.length;
      const bearer = await token({ sub: "u-operator", roles: [...roles] });
      assert.equal((await call("/admin/keys", { bearer })).status, status);
      if (runtime !== "deno") continue;
      const line = logLines.slice(before).find((line) => line.includes("Request completed")) ??
        "{}";
      assert.equal(JSON.parse(line).sub, "u-operator");
    }
  },

  async "the literal path /* is served once: one trace, one line"(environment) {
    for (const target of ["/*", "/*?a=1"]) {
      const before = environment.logLines.length;
      const { status, value, headers } = await environment.json(target);
      assert.equal(status, 404);
      assert.equal(value.traceId, headers.get("x-trace-id"));
      requireOneLine(environment, before);
    }
  },

  async "[H04] an asterisk for a target is refused in our form, or by the runtime"(environment) {
    for (const method of ["GET", "OPTIONS", "POST"]) {
      const { status, value, code } = await environment.json("*", { method });
      assert.ok(status >= 400 && status < 500, `${method}: ${status}`);
      if (code !== undefined) assert.match(String(value.traceId), /^[0-9a-f]{32}$/);
    }
    if (environment.runtime !== "deno") return;
    for (const [method, target] of [["GET", "*"], ["POST", "*"], ["OPTIONS", "*"], ["GET", "x"]]) {
      const { status, text } = await fetchHttp2(environment.origin, method ?? "", target ?? "");
      assert.ok(status >= 400 && status < 500, `${method} ${target}: ${status} ${text}`);
      assert.match(JSON.parse(text).traceId, /^[0-9a-f]{32}$/);
    }
    assert.equal(environment.echo.seen.length, 0);
  },

  async "[C02] logging out clears both cookies, whatever the state of the token"(environment) {
    const { call, echo, token } = environment;
    const expired = await token({ iat: 1_000, exp: 1_600 });
    for (const status of [204, 401]) {
      echo.respondWith(() => new Response(status === 204 ? null : "{}", { status }));
      for (const cookie of [await token(), expired, "garbage"]) {
        const { headers, status: given } = await call("/leave", { method: "POST", cookie });
        assert.equal(given, status);
        assert.deepEqual(clearedOf(headers), ["access_token", "refresh_token"]);
      }
    }
  },

  async "[C02] a log-out that may have failed keeps the refresh cookie, so that it can be repeated"(
    environment,
  ) {
    const { call, echo, token, serve } = environment;
    for (const status of [400, 403, 408, 413, 415, 429, 500, 502, 503, 504]) {
      echo.respondWith(() => new Response("{}", { status }));
      for (const cookie of [await token(), "garbage"]) {
        const { headers, status: given } = await call("/leave", { method: "POST", cookie });
        assert.equal(given, status);
        assert.deepEqual(clearedOf(headers), ["access_token"], String(status));
      }
    }
    // A body that the gateway itself refuses: the identity provider has not seen this log-out.
    const body = new Uint8Array(2_000_000);
    const refused = await call("/leave", { method: "POST", body });
    assert.deepEqual([refused.status, clearedOf(refused.headers)], [413, ["access_token"]]);
    // A port that fetch refuses to connect to: the identity provider cannot be reached.
    await using unreachable = await serve({ ECHO_URL: "http://127.0.0.1:1" });
    const { status, headers } = await sendOnWire(unreachable.origin, {
      method: "POST",
      target: "/leave",
    });
    assert.ok(status >= 502, String(status));
    assert.deepEqual(clearedOf(headers), ["access_token"]);
  },

  async "[C02] a 503 of an identity provider that has ended the login clears both cookies once"(
    { call, echo },
  ) {
    const headers = { "set-cookie": "refresh_token=; Path=/; Max-Age=0" };
    echo.respondWith(() => new Response("{}", { status: 503, headers }));
    const response = await call("/leave", { method: "POST" });
    assert.deepEqual(clearedOf(response.headers).sort(), ["access_token", "refresh_token"]);
  },

  async "[C05] a log-out from another origin clears no cookie, and no other route does"(
    environment,
  ) {
    const { call, json } = environment;
    const refused = await json("/leave", { method: "POST", headers: crossSite });
    assert.equal(refused.code, "csrf_rejected");
    assert.deepEqual(refused.headers.getSetCookie(), []);
    const others = [["/logout", "POST"], ["/leave", "GET"], ["/public", "GET"]] as const;
    for (const [target, method] of others) {
      const { headers } = await call(target, { method });
      assert.deepEqual(headers.getSetCookie(), [], target);
    }
  },

  async "[C02] on https a log-out clears the __Host- cookies, once each"({ serve, echo }) {
    await using secure = await serve({ PUBLIC_ORIGIN: "https://localhost" });
    echo.respondWith(() =>
      new Response(null, { status: 204, headers: { "set-cookie": "__Host-access_token=; Path=/" } })
    );
    const { headers } = await sendOnWire(secure.origin, { method: "POST", target: "/leave" });
    assert.deepEqual(headers.getSetCookie(), [
      "__Host-access_token=; Path=/",
      "__Host-refresh_token=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
    ]);
  },

  async "[H13] a route may refuse encoded bodies although its responses pass unchanged"(
    environment,
  ) {
    const { json, echo } = environment;
    const headers = [["Content-Encoding", "gzip"]] as const;
    const refused = await json("/deliveries", { method: "POST", body: "x", headers });
    assert.deepEqual([refused.status, refused.code], [415, "unsupported_media_type"]);
    assert.equal(echo.seen.length, 0);
    const plain = [["Content-Encoding", "identity"]] as const;
    assert.equal(
      (await json("/deliveries", { method: "POST", body: "x", headers: plain })).status,
      200,
    );
  },
};
