import assert from "node:assert/strict";
import { exchange } from "./gateway_wire.ts";
import type { GatewayCase } from "./gateway_environment.ts";

/** Targets that another parser could read as a different path. */
const confusing = [
  "/public//x",
  "//public",
  "/public/./x",
  "/public/../member",
  "/public/..",
  "/public/.",
  "/public/%2e%2e/member",
  "/public/%2E./member",
  "/public/.%2e",
  "/public\\member",
  "/public/..\\member",
  "/public%2fmember",
  "/public%2Fmember",
  "/public%5cmember",
  "/public%00",
  "/public%0d%0aX: 1",
  "/public%0d%0aX",
  "/public%09",
  "/public%7f",
  "/public;x=1",
  "/public/;/member",
  "/public%",
  "/public%2",
  "/public%zz",
  "/public%252e",
  "/public%25%32%65",
  "/public%c0%af",
  "/public%ff",
  "/public%ed%a0%80",
  "/publi%63",
  "/%70ublic",
  "/public/%41",
  "/public/é",
  "/public/<x>",
  '/public/"x"',
  "/public/{x}",
  "/public/|",
  "/public/^",
  "/public/`",
  "/public?a='b'",
  "/public?a=<b>",
  "/public?a=%zz",
  "/public?é",
] as const;

/** The same, on runtimes whose front server leaves them unchanged. */
const canonical = [
  "/public",
  "/public/",
  "/public?",
  "/public?a",
  "/public/x.y/..z/...",
  "/public/%20/%C3%A9/%e2%82%ac",
  "/public/a:b@c!$&'()*+,=-._~",
  "/public/%3B%3F%23%5B%5D",
  "/public?a=b&a=c&&=&x[]=1",
  "/public?next=https://evil.test/../x%2e%2e",
  "/public?q=%27%22%3Cscript%3E",
  "/public?x=a|b^c`d{e}",
] as const;

export const targetCases: Readonly<Record<string, GatewayCase>> = {
  async "[H03] a target that parsers read differently is path_not_canonical"({ json, echo }) {
    for (const target of confusing) {
      const response = await json(target);
      // Control characters and spaces are refused by the runtime, before the gateway sees a
      // request.
      if (response.headers.has("x-trace-id")) {
        assert.equal(response.code, "path_not_canonical", target);
      }
      assert.equal(response.status, 400, target);
    }
    assert.equal(echo.seen.length, 0);
  },

  async "[H03] a target with a fragment is path_not_canonical"({ json, echo }) {
    for (const target of ["/public#x", "/public?x#y", "/public#/../member"]) {
      assert.equal((await json(target)).code, "path_not_canonical", target);
    }
    assert.equal(echo.seen.length, 0);
  },

  async "[H03] a refused target is refused before its route is looked for"({ json }) {
    assert.equal((await json("/nowhere/../public", { method: "TRACE" })).status, 400);
  },

  async "[H03] whatever the front server makes of a target, what is routed is what is sent"(
    environment,
  ) {
    const { call, echo } = environment;
    for (const target of confusing) {
      echo.reset();
      await call(target);
      for (const { target: sent } of echo.seen) {
        const { pathname, search } = new URL(`http://x${sent}`);
        assert.equal(sent, pathname + search, target);
        assert.ok(/^\/public(\/|\?|$)/.test(sent), `${target} became ${sent}`);
      }
    }
  },

  async "[H03] a canonical target reaches the upstream byte for byte"({ call, echo }) {
    for (const target of canonical) {
      assert.equal((await call(target)).status, 200, target);
      assert.equal(echo.last().target, target);
    }
  },

  async "[H04] another host is misdirected_request"({ json, echo }) {
    for (
      const host of [
        "evil.test",
        "127.0.0.1.evil.test",
        "127.0.0.1@evil.test",
        "127.0.0.1:99999999",
        "evil.test:80",
        "0.0.0.0",
        "127.0.0.1,evil.test",
      ]
    ) {
      const { status, code } = await json("/public", { headers: [["Host", host]] });
      if (code === undefined) assert.equal(status, 400, host);
      else assert.equal(code, "misdirected_request", host);
    }
    assert.equal(echo.seen.length, 0);
  },

  async "[H04] another host is refused before the path is looked at"({ json }) {
    const { code } = await json("/a/../b", { headers: [["Host", "evil.test"]] });
    assert.equal(code, "misdirected_request");
  },

  async "[H04] an absolute-form target of another host is misdirected_request"({ json, echo }) {
    for (const target of ["http://evil.test/public", "https://evil.test:443/public"]) {
      assert.equal((await json(target)).code, "misdirected_request", target);
    }
    assert.equal(echo.seen.length, 0);
  },

  async "[H04] of an absolute-form target nothing but our own path is routed"(environment) {
    const { origin, call, echo } = environment;
    const { host } = new URL(origin);
    for (
      const target of [
        "http://evil.test/public",
        "http://evil.test?/public",
        `http://user@${host}/public`,
        `http://${host}?a=/public`,
        `http://${host}@evil.test/public`,
        "https://evil.test:443/public",
        "http://evil.test/member",
      ]
    ) {
      echo.reset();
      const { status } = await call(target);
      assert.ok([200, 400, 401, 404, 421].includes(status), `${target} ${status}`);
      for (const seen of echo.seen) {
        assert.equal(seen.target, "/public");
        assert.equal(seen.headers.get("x-forwarded-host"), "127.0.0.1");
        assert.equal(seen.headers.get("host"), new URL(echo.url).host);
      }
    }
  },

  async "[H04] authority form and two hosts reach no upstream"({ runtime, origin, call, echo }) {
    const { host } = new URL(origin);
    for (const [method, target] of [["CONNECT", "evil.test:80"], ["GET", "public"], ["GET", "*"]]) {
      const { status } = await call(target ?? "", { method: method ?? "" });
      // workerd itself turns this target into `/`, which is the gateway's own document.
      const isRoot = runtime === "workerd" && target === "public" && status === 200;
      assert.ok(status >= 400 || isRoot, `${method} ${target} ${status}`);
    }
    const twice = await call("/public", { headers: [["Host", host], ["Host", "evil.test"]] });
    assert.ok(twice.status === 421 || twice.status === 400);
    assert.equal(echo.seen.length, 0);
  },

  async "[H06] ambiguous framing is refused, and smuggles no request"({ origin, echo }) {
    const { host } = new URL(origin);
    const smuggled = `GET /public/smuggled HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const heads = [
      "Content-Length: 4\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: chunked\r\nContent-Length: 4",
      "Content-Length: 0\r\nContent-Length: 44",
      "Content-Length: 0, 44",
      "Content-Length: +0",
      "Content-Length: -1",
      "Content-Length: 0x0",
      "Transfer-Encoding: xchunked",
      "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding : chunked",
      "Transfer-Encoding: identity\r\nContent-Length: 3",
      " Transfer-Encoding: chunked",
    ];
    for (const head of heads) {
      echo.reset();
      const text =
        `POST /public HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${head}\r\n\r\n` +
        `0\r\n\r\n${smuggled}`;
      const response = new TextDecoder().decode(
        await exchange(origin, [new TextEncoder().encode(text)]),
      );
      const statuses = [...response.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
      assert.ok(statuses.length <= 1, `${head}: ${statuses}`);
      assert.ok(echo.seen.every(({ target }) => target === "/public"), head);
      assert.ok(echo.seen.length <= 1, head);
    }
  },
};
