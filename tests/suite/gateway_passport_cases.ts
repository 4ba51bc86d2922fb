import assert from "node:assert/strict";
import { waitUntil } from "../support/wait.ts";
import type { GatewayCase } from "./gateway_environment.ts";
import type { Served } from "./gateway_platforms.ts";

/** Header names under which a client may try to plant a Passport or an identity. */
const plantedHeaders = [
  "X-Passport",
  "x-passport",
  "X-PASSPORT",
  "X_Passport",
  "x_passport",
  "X-Passport-Extra",
  "Txn-Token",
  "txn_token",
  "X-Deadline-Ms",
  "X-Call-Chain",
  "X-User-Id",
  "X-User",
  "X_User_Id",
  "X-Internal-Admin",
  "Remote-User",
  "REMOTE_USER",
  "X-Remote-User",
  "X-Auth-Request-Email",
  "X-Authenticated-User",
  "X-Forwarded-User",
  "X-Goog-Authenticated-User-Email",
  "X-MS-Client-Principal",
  "Cf-Access-Jwt-Assertion",
  "X-Amzn-Oidc-Assertion",
  "X-Edgepass-Role",
] as const;

const routes = ["/public", "/optional", "/raw", "/items/1"];

export const passportCases: Readonly<Record<string, GatewayCase>> = {
  async "[P01, H02] no spelling of an internal header reaches a service"(
    { call, echo, passportOf },
  ) {
    for (const target of routes) {
      for (const name of plantedHeaders) {
        echo.reset();
        await call(target, { headers: [[name, "planted"]] });
        const { headers } = echo.last();
        const values = [...headers].filter(([, value]) => value.includes("planted"));
        assert.deepEqual(values, [], `${name} on ${target}`);
        assert.equal((await passportOf(headers)).sub, "anon");
      }
    }
  },

  async "[P01] each request gets one Passport of its own"({ call, echo, passportOf }) {
    await call("/public");
    await call("/public");
    const [one, two] = await Promise.all(echo.seen.map(({ headers }) => passportOf(headers)));
    assert.notEqual(one?.jti, two?.jti);
    assert.notEqual(one?.txn, two?.txn);
  },

  async "[P02] Connection names nothing of ours away, nor the credential"(environment) {
    const { call, echo, token, passportOf } = environment;
    const names = "close, X-Passport, Cookie, traceparent, x-forwarded-proto";
    const cookie = await token({ sub: "u1" });
    const response = await call("/member", { cookie, headers: [["Connection", names]] });
    assert.equal(response.status, 200);
    const { headers } = echo.last();
    assert.equal((await passportOf(headers)).sub, "user:u1");
    assert.ok(headers.has("traceparent"));
    assert.equal(headers.get("x-forwarded-proto"), "http");
    assert.equal(headers.get("cookie"), null);
  },

  async "[H14] a header that Connection names stops here"({ call, echo }) {
    await call("/public", {
      headers: [["Connection", "close, X-Custom"], ["X-Custom", "1"], ["X-Kept", "1"]],
    });
    assert.equal(echo.last().headers.get("x-custom"), null);
    assert.equal(echo.last().headers.get("x-kept"), "1");
  },

  async "a Passport carries the token's identity and the request's trace id"(environment) {
    const { call, echo, token, passportOf } = environment;
    const claims = { sub: "u1", sid: "s1", uv: 7, roles: ["learner"], scope: "read" };
    const response = await call("/member", { bearer: await token(claims) });
    const passport = await passportOf(echo.last().headers);
    const { sub, sid, uv, roles, scope, cfg, pv, iss, aud } = passport;
    assert.deepEqual({ sub, sid, uv, roles, scope }, { ...claims, sub: "user:u1" });
    assert.deepEqual({ cfg, pv, iss, aud }, {
      cfg: 0,
      pv: "0.1.0",
      iss: "http://127.0.0.1",
      aud: "suite.test",
    });
    assert.equal(passport.exp - passport.iat, 30);
    assert.equal(passport.txn, response.headers.get("x-trace-id"));
    assert.equal(echo.last().headers.get("traceparent")?.slice(3, 35), passport.txn);
  },

  async "a valid traceparent is continued, a broken one restarts the trace"({ call, echo }) {
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const valid = `00-${trace}-b7ad6b7169203331-01`;
    const state = ["tracestate", "vendor=1"] as const;
    const forwarded = await call("/public", { headers: [["traceparent", valid], state] });
    assert.equal(forwarded.headers.get("x-trace-id"), trace);
    assert.match(echo.last().headers.get("traceparent") ?? "", new RegExp(`^00-${trace}-`));
    assert.notEqual(echo.last().headers.get("traceparent"), valid);
    assert.equal(echo.last().headers.get("tracestate"), "vendor=1");
    for (
      const broken of [
        valid.slice(1),
        `ff${valid.slice(2)}`,
        `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
      ]
    ) {
      const fresh = await call("/public", { headers: [["traceparent", broken], state] });
      assert.notEqual(fresh.headers.get("x-trace-id"), trace);
      assert.equal(echo.last().headers.get("tracestate"), null, "its state went with it");
    }
  },

  async "[P04] another trust domain's key does not verify ours"(environment) {
    await using other = await environment.serve({ TRUST_DOMAIN: "other.test" });
    const response = await fetch(`${other.origin}/public`);
    await response.body?.cancel();
    await assert.rejects(environment.passportOf(environment.echo.last().headers), {
      code: "passport_invalid",
    });
  },

  async "[P10] an upstream's echo of the Passport does not come back in a header"(environment) {
    const { call, echo } = environment;
    echo.respondWith((_request, { headers }) => {
      const passport = headers.get("x-passport") ?? "";
      return new Response("ok", {
        headers: { "x-passport": passport, "txn-token": passport, "x-user-id": "1" },
      });
    });
    const { raw } = await call("/raw");
    assert.ok(!raw.includes("eyJ"), raw);
    assert.ok(!raw.toLowerCase().includes("x-user-id"));
  },

  async "[P12] a public route reads no credential, good or bad"(environment) {
    const { json, echo, token, redis, passportOf } = environment;
    for (const bearer of [await token(), "garbage", await token({ exp: 1, iat: 0 })]) {
      assert.equal((await json("/public", { bearer })).status, 200);
      assert.equal((await passportOf(echo.last().headers)).sub, "anon");
    }
    const twice = [["Cookie", "access_token=a; access_token=b"]] as const;
    assert.equal((await json("/public", { headers: twice })).status, 200);
    assert.equal(redis.roundTrips.length, 0);
  },

  async "[P12] on an optional route an unusable credential is none"(environment) {
    const { json, echo, token, redis, passportOf } = environment;
    const good = await token({ sub: "u1" });
    const subject = async () => (await passportOf(echo.last().headers)).sub;
    for (const bearer of ["garbage", await token({ exp: 1, iat: 0 }), ""]) {
      assert.equal((await json("/optional", { bearer })).status, 200);
      assert.equal(await subject(), "anon");
    }
    await json("/optional", { bearer: good });
    assert.equal(await subject(), "user:u1");
    await json("/optional", { bearer: good, cookie: good });
    assert.equal(await subject(), "anon", "ambiguous");
    redis.behave("responds with 500");
    await json("/optional", { bearer: good });
    assert.equal(await subject(), "anon", "revocation is unavailable");
    redis.reset();
    redis.revoke("subject", "u1", undefined, "9");
    await json("/optional", { bearer: good });
    assert.equal(await subject(), "anon", "revoked");
  },

  async "[P11] identities do not mix under concurrency"({ json, token, echo }) {
    echo.respondWith(async (_request, { headers }) => {
      const [, payload = ""] = (headers.get("x-passport") ?? "").split(".");
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      return Response.json({ sub: JSON.parse(atob(payload)).sub });
    });
    await Promise.all(Array.from({ length: 60 }, async (_, at) => {
      const bearer = await token({ sub: `user-${at}` });
      const { value } = await json(at % 2 ? "/member" : "/optional", { bearer });
      assert.deepEqual(value.data, { sub: `user:user-${at}` });
    }));
  },

  async "[P13] a service that refuses our Passport is a fault of ours, 502"({ json, echo }) {
    for (const code of ["passport_required", "passport_invalid"]) {
      echo.respondWith(() =>
        Response.json({ code, status: 401, title: "x" }, {
          status: 401,
          headers: { "content-type": "application/problem+json", "www-authenticate": "Bearer" },
        })
      );
      for (const target of ["/public", "/raw"]) {
        const response = await json(target);
        assert.deepEqual([response.status, response.code], [502, "upstream_bad_response"], target);
        assert.equal(response.headers.get("www-authenticate"), null);
        assert.ok(!response.text.includes("passport"));
      }
    }
  },

  async "[P14] a token that no Passport can carry is refused like any other, and reported"(
    { serve, externalToken, echo, redis, runtime },
  ) {
    const names = { TRUST_DOMAIN: "d".repeat(500), ISSUER: `https://${"i".repeat(490)}.test` };
    await using gateway = await serve(names);
    const send = async (bearer: string, target = "/member") => {
      const headers = { authorization: `Bearer ${bearer}` };
      const response = await fetch(`${gateway.origin}${target}`, { headers });
      const text = (await response.text()).replace(/"traceId":"\w+"/, "");
      return { status: response.status, text };
    };
    const tokenOf = (bytes: number) => {
      const roles = Array.from({ length: bytes / 100 }, () => "r".repeat(97));
      return externalToken({ realm_access: { roles } });
    };
    const [fits, large] = await Promise.all([tokenOf(1000), tokenOf(2000)]);
    assert.equal((await send(fits)).status, 200, "from 2 KB on a warning only");
    echo.reset();
    const refused = await send(large);
    assert.equal(refused.status, 401);
    assert.deepEqual(refused, await send("garbage"), "the caller does not learn the reason");
    assert.deepEqual(refused, await send(large, "/admin"), "before the access rule");
    assert.equal(echo.seen.length, 0);
    assert.equal((await send(large, "/optional")).status, 200, "an unusable credential is none");
    const [, claims = ""] = (echo.last().headers.get("x-passport") ?? "").split(".");
    assert.equal(JSON.parse(atob(claims)).sub, "anon");
    redis.revoke("subject", "idp|7", "idp", "99999999999");
    assert.match((await send(large)).text, /token_revoked/, "a revoked token is reported as that");
    if (runtime === "harness") return; // It hides the log.
    const completed = () => linesOf(gateway, "Request completed");
    await waitUntil("all are reported", () => completed().length > 5, 20_000);
    const [line, ...repeated] = linesOf(gateway, "Passport is too large");
    assert.equal(repeated.length, 0, "once for each token");
    assert.deepEqual([line?.level, line?.issuer], ["error", "idp"]);
    assert.ok(line?.largestClaims.includes("roles"));
    const reasons = completed().filter(({ issuer }) => issuer === "idp")
      .map(({ tokenRefusal }) => tokenRefusal);
    assert.deepEqual(new Set(reasons), new Set([undefined, "too_large", "revoked:subject"]));
  },

  async "every caller gets policy 0.1.0 until the configuration says what services take"(
    environment,
  ) {
    const versionOn = async (gateway: Served, target: string) => {
      const headers = { authorization: `Bearer ${await environment.token()}` };
      const response = await fetch(`${gateway.origin}${target}`, { headers });
      await response.body?.cancel();
      assert.equal(response.status, 200);
      return (await environment.passportOf(environment.echo.last().headers)).pv;
    };
    await using byDefault = await environment.serve({});
    assert.equal(await versionOn(byDefault, "/member"), "0.1.0");
    await using bySetting = await environment.serve({ PASSPORT_POLICY: "0.2.1" });
    assert.equal(await versionOn(bySetting, "/member"), "0.1.1", "profile S has its own line");
    environment.redis.configure(1, {
      passport: { policyByRoute: { "/member/*": "0.1.1", "/admin/*": "0.1.0" } },
    });
    assert.equal(await versionOn(byDefault, "/member"), "0.1.1");
    assert.equal(await versionOn(byDefault, "/optional"), "0.1.0");
    environment.redis.configure(2, { passport: { policy: "0.1.0" } });
    assert.equal(await versionOn(bySetting, "/member"), "0.1.0");
    assert.equal(await versionOn(byDefault, "/member"), "0.1.0", "and back, without a restart");
  },
};

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly issuer?: string;
  readonly tokenRefusal?: string;
  readonly largestClaims: readonly string[];
}

/** The log lines of a gateway with this message. */
function linesOf({ logLines }: Served, message: string): LogLine[] {
  return logLines.map((line) => JSON.parse(line)).filter((line) => line.message === message);
}
