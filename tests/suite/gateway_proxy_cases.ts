import assert from "node:assert/strict";
import type { GatewayCase } from "./gateway_environment.ts";

const kib = 1024;

export const proxyCases: Readonly<Record<string, GatewayCase>> = {
  async "[H01] the client's word on addresses does not pass; there is one set, ours"(environment) {
    const { call, echo } = environment;
    const names = [
      "X-Forwarded-For",
      "X-Forwarded-Host",
      "X-Forwarded-Proto",
      "X-Forwarded-Port",
      "X_Forwarded_For",
      "X-Forwarded",
      "Forwarded",
      "X-Real-IP",
      "True-Client-IP",
      "X-Client-IP",
      "X-Cluster-Client-IP",
      "X-Original-URL",
      "X-Rewrite-URL",
      "X-Host",
      "Via",
    ];
    await call("/public", { headers: names.map((name) => [name, "6.6.6.6"] as const) });
    const { headers } = echo.last();
    assert.deepEqual([...headers].filter(([, value]) => value.includes("6.6.6.6")), []);
    assert.equal(headers.get("x-forwarded-host"), "127.0.0.1");
    assert.equal(headers.get("x-forwarded-proto"), "http");
  },

  async "[H01] CF-Connecting-IP is believed only where Cloudflare is in front"({ call, echo }) {
    await call("/public", { headers: [["CF-Connecting-IP", "6.6.6.6"]] });
    assert.equal(echo.last().headers.get("cf-connecting-ip"), null);
    assert.equal(echo.last().headers.get("x-forwarded-for"), "127.0.0.1");
  },

  async "[H01] behind a trusted proxy the address is the one that it wrote"({ serve, echo }) {
    await using gateway = await serve({ CLIENT_ADDRESS: "x-forwarded-for:1" });
    const response = await fetch(`${gateway.origin}/public`, {
      headers: { "x-forwarded-for": "6.6.6.6, 203.0.113.9" },
    });
    await response.body?.cancel();
    assert.equal(echo.last().headers.get("x-forwarded-for"), "203.0.113.9");
  },

  async "[H08] an Upgrade is not tunnelled"({ call, echo }) {
    for (const protocol of ["websocket", "h2c"]) {
      const response = await call("/public", {
        headers: [
          ["Connection", "Upgrade, close, HTTP2-Settings"],
          ["Upgrade", protocol],
          ["HTTP2-Settings", "AAMAAABkAAQAAP__"],
          ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
          ["Sec-WebSocket-Version", "13"],
        ],
      });
      assert.notEqual(response.status, 101);
      for (const { headers } of echo.seen) {
        const names = ["upgrade", "sec-websocket-key", "http2-settings"];
        assert.deepEqual(names.map((name) => headers.get(name)), [null, null, null]);
      }
    }
  },

  async "[H14] hop-by-hop headers are not handed on"({ call, echo }) {
    const names = ["TE", "Trailer", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization"];
    await call("/public", { headers: names.map((name) => [name, "x"] as const) });
    for (const name of names) assert.equal(echo.last().headers.get(name), null, name);
  },

  async "[H14] hop-by-hop headers of a response are not forwarded"({ call, wire }) {
    wire.setReply(
      "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\n" +
        "Proxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nok",
    );
    const { headers, text } = await call("/wire-raw");
    assert.equal(text, "ok");
    assert.equal(headers.get("x-end"), "1");
    for (const name of ["x-hop", "proxy-authenticate"]) {
      assert.equal(headers.get(name), null, name);
    }
  },

  async "[H10] an upstream cannot speak for the gateway"({ call, echo }) {
    echo.respondWith(() =>
      new Response("ok", {
        headers: {
          "clear-site-data": '"*"',
          "strict-transport-security": "max-age=0",
          "x-trace-id": "mine",
          "server": "upstream/1.0",
          "x-powered-by": "something",
          "alt-svc": 'h3=":443"',
        },
      })
    );
    const { headers } = await call("/raw");
    assert.match(headers.get("x-trace-id") ?? "", /^[0-9a-f]{32}$/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    for (
      const name of ["clear-site-data", "strict-transport-security", "x-powered-by", "alt-svc"]
    ) assert.equal(headers.get(name), null, name);
    assert.notEqual(headers.get("server"), "upstream/1.0");
  },

  async "[H09] responses to a signed-in caller and errors are not stored, and Vary names the credentials"(
    environment,
  ) {
    const { call, token, echo } = environment;
    const mine = await call("/member", { bearer: await token() });
    assert.equal(mine.headers.get("cache-control"), "no-store");
    assert.match(mine.headers.get("vary") ?? "", /Cookie, Authorization/);
    const anonymous = await call("/optional");
    assert.match(anonymous.headers.get("vary") ?? "", /Cookie, Authorization/);
    const open = await call("/public");
    assert.equal(open.headers.get("cache-control"), null);
    for (const target of ["/nowhere", "/member", "/down"]) {
      assert.equal((await call(target)).headers.get("cache-control"), "no-store", target);
    }
    echo.respondWith(() => new Response("<h1>no</h1>", { status: 500 }));
    for (const target of ["/raw", "/public"]) {
      assert.equal((await call(target)).headers.get("cache-control"), "no-store", target);
    }
    echo.respondWith(() =>
      Response.json({}, { headers: { "cache-control": "private, max-age=5" } })
    );
    const signedIn = await call("/member", { bearer: await token() });
    assert.equal(signedIn.headers.get("cache-control"), "private, max-age=5");
  },

  async "[H11] a target over 8 KiB or with over 200 parameters is uri_too_long"({ json, echo }) {
    const long = `/public?${"a".repeat(8 * kib)}`;
    assert.deepEqual(
      [(await json(long)).status, (await json(long)).code],
      [414, "uri_too_long"],
    );
    const many = `/public?${Array.from({ length: 201 }, (_, at) => `p${at}=1`).join("&")}`;
    assert.equal((await json(many)).code, "uri_too_long");
    assert.equal(echo.seen.length, 0);
    const fits = `/public?${"a".repeat(8 * kib - "/public?".length)}`;
    assert.equal((await json(fits)).status, 200);
    assert.equal((await json(many.replace("p200=1", "p200".slice(4)).slice(0, -1))).status, 200);
  },

  async "[H11] headers over 16 KiB or over 100 are refused"({ call, echo }) {
    const big = await call("/public", { headers: [["X-Big", "x".repeat(17 * kib)]] });
    assert.equal(big.status, 431);
    const many = Array.from({ length: 105 }, (_, at) => [`X-${at}`, "1"] as const);
    const { status } = await call("/public", { headers: many });
    assert.ok(status === 431 || status === 400, String(status));
    assert.equal(echo.seen.length, 0);
  },

  async "[H11] a body over the route's limit is payload_too_large, declared or chunked"(
    environment,
  ) {
    const { json, echo } = environment;
    const declared = await json("/small", { method: "POST", body: "x".repeat(1001) });
    assert.deepEqual([declared.status, declared.code], [413, "payload_too_large"]);
    assert.equal(echo.seen.length, 0);
    const part = "x".repeat(400);
    const chunked = await json("/small", {
      method: "POST",
      headers: [["Transfer-Encoding", "chunked"]],
      body: `${`190\r\n${part}\r\n`.repeat(3)}0\r\n\r\n`,
    });
    assert.deepEqual([chunked.status, chunked.code], [413, "payload_too_large"]);
    const fits = await json("/small", { method: "POST", body: "x".repeat(1000) });
    assert.equal(fits.status, 200);
    assert.equal(echo.last().bytes, 1000);
  },

  async "[H13] a compressed request body is unsupported_media_type"({ json, echo, call }) {
    const options = { method: "POST", headers: [["Content-Encoding", "gzip"]], body: "x" } as const;
    const response = await json("/public", options);
    assert.deepEqual([response.status, response.code], [415, "unsupported_media_type"]);
    assert.equal(echo.seen.length, 0);
    // Without an envelope no one parses the body here, and the limit counts compressed bytes.
    assert.equal((await call("/raw", options)).status, 200);
    assert.equal(echo.last().headers.get("content-encoding"), "gzip");
  },

  async "a small body arrives with its length, a chunked body with its content"({ call, echo }) {
    await call("/public", { method: "POST", body: "héllo" });
    assert.equal(echo.last().headers.get("content-length"), "6");
    assert.equal(echo.last().text, "héllo");
    await call("/public", {
      method: "PUT",
      headers: [["Transfer-Encoding", "chunked"], ["Content-Type", "text/x"]],
      body: "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    });
    assert.equal(echo.last().text, "abcde");
    assert.equal(echo.last().headers.get("content-type"), "text/x");
    await call("/public", { method: "DELETE" });
    assert.equal(echo.last().bytes, 0);
  },

  async "content of a GET ends at the gateway"({ call, echo }) {
    assert.equal((await call("/public", { body: "abc" })).status, 200);
    assert.equal(echo.last().bytes, 0);
  },

  async "[I07] nothing outside of the table is routed"({ json, echo, token }) {
    const bearer = await token({ roles: ["admin"] });
    for (
      const target of [
        "/internal/revocations/refill",
        "/internal",
        "/publi",
        "/publicx",
        "/items",
        "/items/",
        "/items/1/x",
        "/Public",
        "/.well-known/jwks.json",
      ]
    ) {
      const response = await json(target, { bearer });
      assert.deepEqual([response.status, response.code], [404, "not_found"], target);
    }
    assert.equal(echo.seen.length, 0);
  },

  async "the longest prefix wins, and so does its rule"({ json }) {
    assert.equal((await json("/public/deep")).status, 200);
    assert.equal((await json("/public/deeper")).status, 401);
    assert.equal((await json("/public/deeper/x")).status, 401);
    assert.equal((await json("/items/new")).status, 401);
    assert.equal((await json("/items/news")).status, 200);
  },

  async "a client that accepts problem details gets a problem document"({ json }) {
    const response = await json("/member", { headers: [["Accept", "application/problem+json"]] });
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const { traceId, ...rest } = JSON.parse(response.text);
    assert.match(traceId, /^[0-9a-f]{32}$/);
    assert.deepEqual(rest, {
      type: "urn:problem:authentication_required",
      title: "Authentication required",
      status: 401,
      code: "authentication_required",
    });
  },

  async "[I08, I09] no log line holds a token, a cookie or a query"(environment) {
    const { call, token, logLines } = environment;
    const bearer = await token();
    await call(`/member?secret=${bearer}`, { bearer });
    await call(`/member/${bearer}`, { bearer: "garbage.garbage.garbage" });
    await call("/member", { cookie: bearer, headers: [["X-Evil", "a\tb"]] });
    assert.ok(logLines.length >= 3);
    const [, payload = ""] = bearer.split(".");
    for (const line of logLines) {
      assert.equal(typeof JSON.parse(line), "object");
      assert.ok(!line.includes("\n"));
      for (const secret of [payload, "secret=", "garbage.garbage"]) {
        assert.ok(!line.includes(secret), line);
      }
    }
  },
};
