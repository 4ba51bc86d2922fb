import assert from "node:assert/strict";
import { friend, type GatewayCase, publicOrigin } from "./gateway_environment.ts";

type Lines = readonly (readonly [string, string])[];

const crossSite: Readonly<Record<string, Lines>> = {
  "another origin": [["Origin", "https://evil.test"]],
  "Origin null": [["Origin", "null"]],
  "an origin that begins like an allowed one": [["Origin", `${friend}.evil.test`]],
  "an allowed origin on another scheme": [["Origin", friend.replace("https", "http")]],
  "an allowed origin with a slash": [["Origin", `${friend}/`]],
  "an allowed origin in capitals": [["Origin", friend.toUpperCase()]],
  "two origins": [["Origin", publicOrigin], ["Origin", "https://evil.test"]],
  "Sec-Fetch-Site cross-site": [["Sec-Fetch-Site", "cross-site"]],
  "Sec-Fetch-Site same-site": [["Sec-Fetch-Site", "same-site"]],
  "another origin with Sec-Fetch-Site same-origin": [
    ["Origin", "https://evil.test"],
    ["Sec-Fetch-Site", "same-origin"],
  ],
};

const sameSite: Readonly<Record<string, Lines>> = {
  "our origin": [["Origin", publicOrigin]],
  "an allowed origin": [["Origin", friend], ["Sec-Fetch-Site", "cross-site"]],
  "Sec-Fetch-Site same-origin": [["Sec-Fetch-Site", "same-origin"]],
  "Sec-Fetch-Site none": [["Sec-Fetch-Site", "none"]],
  "neither header": [],
};

export const browserCases: Readonly<Record<string, GatewayCase>> = {
  async "[C03] two credentials are ambiguous, however they come"({ json, token, echo }) {
    const good = await token();
    const shown: Readonly<Record<string, Lines>> = {
      "two cookies": [["Cookie", `access_token=${good}; access_token=${good}`]],
      "two Cookie headers": [["Cookie", `access_token=${good}`], ["Cookie", "access_token=x"]],
      "a cookie and a bearer": [["Cookie", `access_token=${good}`], [
        "Authorization",
        `Bearer ${good}`,
      ]],
      "a cookie and an empty bearer": [["Cookie", `access_token=${good}`], [
        "Authorization",
        "Bearer",
      ]],
      "two bearers": [["Authorization", `Bearer ${good}`], ["Authorization", `Bearer ${good}`]],
    };
    for (const [what, headers] of Object.entries(shown)) {
      const response = await json("/member", { headers });
      assert.deepEqual([response.status, response.code], [401, "ambiguous_credentials"], what);
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
    }
    assert.equal(echo.seen.length, 0);
  },

  async "[C03] no other form of the cookie's name is read"({ json, token }) {
    const good = await token();
    for (
      const cookie of [
        `"access_token"=${good}`,
        `access%5Ftoken=${good}`,
        `\u00a0access_token=${good}`,
        `Access_Token=${good}`,
        `ACCESS_TOKEN=${good}`,
        `xaccess_token=${good}`,
        `__Host-access_token=${good}`,
        `__Secure-access_token=${good}`,
        `access_token`,
        `a=b,access_token=${good}`,
      ]
    ) {
      const { code } = await json("/member", { headers: [["Cookie", cookie]] });
      assert.equal(code, "authentication_required", cookie);
    }
  },

  async "[C03] a cookie among others is found"({ json, token }) {
    const cookie = `theme=dark; access_token=${await token()}; x="access_token=1"; refresh_token=r`;
    assert.equal((await json("/member", { headers: [["Cookie", cookie]] })).status, 200);
  },

  async "[C01] on https only the prefixed cookie is read"({ serve, token }) {
    await using secure = await serve({
      PUBLIC_ORIGIN: "https://localhost",
      ISSUER: publicOrigin,
      AUDIENCE: publicOrigin,
    });
    const value = await token();
    const send = async (name: string) => {
      const response = await fetch(`${secure.origin}/member`, {
        headers: { cookie: `${name}=${value}` },
      });
      assert.equal(response.headers.get("strict-transport-security"), "max-age=31536000");
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await send("access_token"), 401);
    assert.equal(await send("__Host-access_token"), 200);
  },

  async "[C04, C05] an unsafe request from another site is csrf_rejected"({ json, token, echo }) {
    const cookie = await token();
    for (const [what, headers] of Object.entries(crossSite)) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        const response = await json("/member", { method, cookie, headers });
        assert.deepEqual(
          [response.status, response.code],
          [403, "csrf_rejected"],
          `${what} ${method}`,
        );
      }
      for (const target of ["/login", "/logout"]) {
        assert.equal((await json(target, { method: "POST", headers })).code, "csrf_rejected", what);
        const withCookie = await json(target, { method: "POST", headers, cookie });
        assert.equal(withCookie.code, "csrf_rejected", what);
      }
    }
    assert.equal(echo.seen.length, 0);
  },

  async "[C04] an unsafe request of our own pages, or of no browser, passes"({ json, token }) {
    const cookie = await token();
    for (const [what, headers] of Object.entries(sameSite)) {
      assert.equal((await json("/member", { method: "POST", cookie, headers })).status, 200, what);
    }
  },

  async "[C04] a lone bearer is exempt, a bearer beside a cookie is not"({ json, token }) {
    const bearer = await token();
    const headers = crossSite["another origin"] ?? [];
    assert.equal((await json("/member", { method: "POST", bearer, headers })).status, 200);
    const refresh = [...headers, ["Cookie", "refresh_token=r"]] as const;
    const response = await json("/member", { method: "POST", bearer, headers: refresh });
    assert.equal(response.code, "csrf_rejected");
  },

  async "[C04] a safe request from another site passes"({ json, token }) {
    const headers = crossSite["another origin"] ?? [];
    assert.equal((await json("/member", { cookie: await token(), headers })).status, 200);
  },

  async "[C06] an override of the method is neither obeyed nor handed on"({ json, echo }) {
    const names = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] as const;
    const headers = names.map((name) => [name, "DELETE"] as const);
    assert.equal((await json("/public?_method=DELETE", { headers })).status, 200);
    assert.equal(echo.last().method, "GET");
    for (const name of names) assert.equal(echo.last().headers.get(name), null);
  },

  async "[C06] a method that the route has no rule for is 405 with Allow"({ json, echo }) {
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const response = await json("/items/1", { method });
      assert.deepEqual([response.status, response.code], [405, "method_not_allowed"]);
      assert.equal(response.headers.get("allow"), "GET, HEAD, POST");
    }
    assert.equal(echo.seen.length, 0);
  },

  async "[C06] TRACE and unknown methods reach no upstream"({ call, echo }) {
    for (const method of ["TRACE", "FOO", "PROPFIND", "get"]) {
      const { status } = await call("/public", { method });
      assert.ok([400, 405, 501].includes(status), `${method} ${status}`);
    }
    assert.equal(echo.seen.length, 0);
  },

  async "[C07] CORS allows exactly the configured origin"({ call }) {
    const response = await call("/public", { headers: [["Origin", friend]] });
    assert.equal(response.headers.get("access-control-allow-origin"), friend);
    assert.equal(response.headers.get("access-control-allow-credentials"), "true");
    for (const [what, headers] of Object.entries(crossSite)) {
      const other = await call("/public", { headers });
      assert.equal(other.headers.get("access-control-allow-origin"), null, what);
      assert.match(other.headers.get("vary") ?? "", /\bOrigin\b/);
    }
  },

  async "[C07] a preflight succeeds for allowed origins only, and reaches no upstream"(
    environment,
  ) {
    const { call, echo } = environment;
    const send = (origin: string, target = "/member") =>
      call(target, {
        method: "OPTIONS",
        headers: [["Origin", origin], ["Access-Control-Request-Method", "POST"]],
      });
    const yes = await send(friend);
    assert.equal(yes.status, 204);
    assert.equal(yes.headers.get("access-control-allow-origin"), friend);
    assert.match(yes.headers.get("access-control-allow-methods") ?? "", /POST/);
    const no = await send("https://evil.test");
    const granted = [...no.headers.keys()].filter((it) => it.startsWith("access-control-"));
    assert.deepEqual(granted, []);
    assert.equal((await send(friend, "/nowhere")).status, 404);
    assert.equal(echo.seen.length, 0);
  },

  async "[C07] an upstream's own CORS headers do not pass"({ call, echo }) {
    echo.respondWith(() =>
      new Response("ok", {
        headers: { "access-control-allow-origin": "*", "access-control-allow-credentials": "true" },
      })
    );
    const { headers } = await call("/raw", { headers: [["Origin", "https://evil.test"]] });
    assert.equal(headers.get("access-control-allow-origin"), null);
    assert.equal(headers.get("access-control-allow-credentials"), null);
  },

  async "[C01, H10] only the identity provider sets the credential cookies"({ call, echo }) {
    const planted = [
      "access_token=1; Path=/",
      "refresh_token=1",
      "__Host-access_token=1; Secure; Path=/",
      "__Secure-access_token=1",
      "ACCESS_TOKEN=1",
      " access_token =1",
      "=access_token=1",
      "==refresh_token=1",
      "access_token",
      "access_token; Max-Age=0",
    ];
    const allowed = ["theme=dark; Path=/", "access_token_hint=1", "x=access_token=1"];
    echo.respondWith(() => {
      const headers = new Headers();
      for (const cookie of [...planted, ...allowed]) headers.append("set-cookie", cookie);
      return new Response("ok", { headers });
    });
    const { headers } = await call("/raw");
    assert.deepEqual(headers.getSetCookie(), allowed);
    const login = await call("/login", { method: "POST" });
    assert.equal(login.headers.getSetCookie().length, planted.length + allowed.length);
  },

  async "the refresh cookie goes only to the identity provider, the access cookie to no upstream"(
    { call, echo, token },
  ) {
    const headers = [["Cookie", `a=b; access_token=${await token()}; refresh_token=r1`]] as const;
    await call("/logout", { method: "POST", headers });
    assert.equal(echo.last().headers.get("cookie"), "refresh_token=r1");
    await call("/member", { method: "POST", headers });
    assert.equal(echo.last().headers.get("cookie"), null);
    await call("/public", { headers: [["Authorization", "Basic eDp5"]] });
    assert.equal(echo.last().headers.get("authorization"), null);
  },
};
