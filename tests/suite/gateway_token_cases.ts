import assert from "node:assert/strict";
import { encodeBase64Url } from "@edgepass/shared/crypto";
import { createIssuerKey, encodePart, signParts } from "./gateway_tokens.ts";
import { type Environment, type GatewayCase, ourClaims } from "./gateway_environment.ts";

const nowSeconds = () => Math.floor(Date.now() / 1000);

/** Tokens that are all `token_invalid`, by their defect. */
const invalidTokens: Readonly<
  Record<string, (environment: Environment) => string | Promise<string>>
> = {
  "an empty string": () => "",
  "garbage": () => "garbage",
  "two segments": async ({ token }) => (await token()).split(".").slice(0, 2).join("."),
  "four segments": async ({ token }) => `${await token()}.e30`,
  "padding": async ({ token }) => `${await token()}=`,
  "loose trailing bits": async ({ token }) => loosen(await token()),
  "standard base64": async ({ token }) => `${await token()}+/`,
  "another key under our kid": async ({ ours }) =>
    signParts({
      header: { alg: "EdDSA", typ: "at+jwt", kid: ours.kid },
      payload: ourClaims(),
      key: await createIssuerKey("EdDSA"),
    }),
  "alg none": ({ token }) => token({}, { alg: "none" }),
  "alg HS256": ({ token }) => token({}, { alg: "HS256" }),
  "alg ES256": ({ token }) => token({}, { alg: "ES256" }),
  "a jwk in the header": ({ token, ours }) => token({}, { jwk: ours.jwk }),
  "a jku in the header": ({ token, echo }) => token({}, { jku: `${echo.url}/jwks.json` }),
  "an x5u in the header": ({ token, echo }) => token({}, { x5u: `${echo.url}/cert` }),
  "crit": ({ token }) => token({}, { crit: ["exp"] }),
  "b64": ({ token }) => token({}, { b64: false }),
  "zip": ({ token }) => token({}, { zip: "DEF" }),
  "a kid that is not a string": ({ token }) => token({}, { kid: 1 }),
  "typ passport+jwt": ({ token }) => token({}, { typ: "passport+jwt" }),
  "typ JWT": ({ token }) => token({}, { typ: "JWT" }),
  "another audience": ({ token }) => token({ aud: "http://127.0.0.1.evil.test" }),
  "an audience that is a list": ({ token }) => token({ aud: ["http://127.0.0.1"] }),
  "another issuer": ({ token }) => token({ iss: "https://evil.test" }),
  "an issuer that only begins with ours": ({ token }) => token({ iss: "http://127.0.0.1/" }),
  "no exp": ({ token }) => token({ exp: undefined }),
  "no jti": ({ token }) => token({ jti: undefined }),
  "no sid": ({ token }) => token({ sid: undefined }),
  "no uv": ({ token }) => token({ uv: undefined }),
  "exp that is a string": ({ token }) => token({ exp: String(nowSeconds() + 60) }),
  "a lifetime over 15 minutes": ({ token }) => token({ exp: nowSeconds() + 3600 }),
  "iat in the future": ({ token }) => token({ iat: nowSeconds() + 120, exp: nowSeconds() + 600 }),
  "nbf in the future": ({ token }) => token({ nbf: nowSeconds() + 120 }),
  "a bad signature and expired": async ({ ours }) =>
    signParts({
      header: { alg: "EdDSA", typ: "at+jwt", kid: ours.kid },
      payload: { ...ourClaims(), iat: nowSeconds() - 700, exp: nowSeconds() - 100 },
      key: await createIssuerKey("EdDSA"),
    }),
  "a payload that is not an object": ({ ours }) =>
    signParts({
      header: { alg: "EdDSA", typ: "at+jwt", kid: ours.kid },
      payload: "[]",
      key: ours,
    }),
  "a duplicate member": ({ ours }) =>
    signParts({
      header: { alg: "EdDSA", typ: "at+jwt", kid: ours.kid },
      payload: `{"sub":"intruder",${JSON.stringify(ourClaims()).slice(1)}`,
      key: ours,
    }),
  "JSON serialisation": ({ ours }) => encodeURIComponent(JSON.stringify({ kid: ours.kid })),
  "a JWE": () => "e30.e30.e30.e30.e30",
  "our Passport": async (environment) => {
    await environment.call("/public");
    return environment.echo.last().headers.get("x-passport") ?? "";
  },
  "more than 4096 bytes": ({ token }) => token({ padding: "x".repeat(4000) }),
};

/** Sets the two unused bits of the signature's last character. */
function loosen(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(token.at(-1) ?? "A");
  return token.slice(0, -1) + alphabet[last | 1];
}

const refusals = Object.fromEntries(
  Object.entries(invalidTokens).map(([what, make]) => [
    `[T01-T11] a token with ${what} is token_invalid, as cookie and as bearer`,
    async (environment: Environment) => {
      const token = await make(environment);
      environment.echo.reset();
      for (const shown of [{ cookie: token }, { bearer: token }]) {
        const response = await environment.json("/member", shown);
        assert.equal(response.status, 401);
        assert.equal(response.code, "token_invalid");
        assert.equal(response.headers.get("www-authenticate"), "Bearer");
        assert.equal(response.headers.get("cache-control"), "no-store");
      }
      assert.equal(environment.echo.seen.length, 0);
      assert.equal(environment.redis.roundTrips.length, 0);
    },
  ]),
) satisfies Record<string, GatewayCase>;

export const tokenCases: Readonly<Record<string, GatewayCase>> = {
  async "[T01] without a credential a protected route is authentication_required"({ json, echo }) {
    const response = await json("/member");
    assert.equal(response.status, 401);
    assert.equal(response.code, "authentication_required");
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
    assert.equal(response.value.success, false);
    assert.match(response.value.traceId ?? "", /^[0-9a-f]{32}$/);
    assert.equal(response.headers.get("x-trace-id"), response.value.traceId);
    assert.equal(echo.seen.length, 0);
  },

  ...refusals,

  async "[T01] every unusable token gets the same bytes"(environment) {
    const bodies = new Set<string>();
    for (const make of Object.values(invalidTokens)) {
      const { text, value } = await environment.json("/member", {
        bearer: await make(environment),
      });
      bodies.add(text.replace(value.traceId ?? "", "…"));
    }
    assert.equal(bodies.size, 1);
  },

  async "the gateway's log line has the reason of a refusal, which the caller does not get"(
    { runtime, logLines, json, token, externalToken, redis },
  ) {
    redis.revoke("login", "ended");
    const now = nowSeconds();
    const refused = {
      "malformed": "garbage",
      "claim_missing:sid": await token({ sid: undefined }),
      "audience": await externalToken({ aud: "other" }),
      "expired": await token({ iat: now - 700, exp: now - 60 }),
      "revoked:login": await token({ sid: "ended" }),
    };
    for (const [reason, bearer] of Object.entries(refused)) {
      const before = logLines.length;
      const { text } = await json("/member", { bearer });
      assert.ok(!text.includes(`"${reason}"`), text);
      // Log lines of workerd are not visible here.
      if (runtime !== "deno") continue;
      const line = logLines.slice(before).find((one) => one.includes("Request completed"));
      assert.equal(JSON.parse(line ?? "{}").tokenRefusal, reason);
    }
  },

  async "[T03] a key named by the token is never fetched"({ token, json, echo, jwks }) {
    await json("/member", { bearer: await token() });
    const [before] = [jwks.seen.length];
    echo.reset();
    await json("/member", { bearer: await token({}, { jku: `${echo.url}/jwks.json` }) });
    assert.equal(echo.seen.length, 0);
    assert.equal(jwks.seen.length, before);
  },

  async "[T07] a good token that has expired is token_expired"({ token, json }) {
    const bearer = await token({ iat: nowSeconds() - 700, exp: nowSeconds() - 60 });
    assert.equal((await json("/member", { bearer })).code, "token_expired");
  },

  async "[T07] an expiry within the leeway still passes"({ token, json }) {
    const bearer = await token({ iat: nowSeconds() - 600, exp: nowSeconds() - 1 });
    assert.equal((await json("/member", { bearer })).status, 200);
  },

  async "[T04] revoking a jti kills every spelling of the token"({ token, json, redis }) {
    const jti = crypto.randomUUID();
    const bearer = await token({ jti });
    assert.equal((await json("/member", { bearer })).status, 200);
    redis.revoke("token", jti);
    for (const spelling of [bearer, `${bearer}=`, loosen(bearer), ` ${bearer}`]) {
      assert.equal((await json("/member", { bearer: spelling })).status, 401);
    }
    assert.equal((await json("/member", { bearer })).code, "token_revoked");
  },

  async "[T06] a refresh cookie is no access token"({ token, json }) {
    const value = await token();
    const { code } = await json("/member", { headers: [["Cookie", `refresh_token=${value}`]] });
    assert.equal(code, "authentication_required");
  },

  async "[T09] a cookie beyond the header limit is headers_too_large"({ json, echo }) {
    const response = await json("/member", { cookie: "x".repeat(17_000) });
    assert.equal(response.status, 431);
    assert.equal(echo.seen.length, 0);
  },

  async "[T12] jti, sid, sub and kid are checked in one command"({ token, json, redis, ours }) {
    const claims = { jti: "the-jti", sid: "the-sid", sub: "the-sub" };
    assert.equal((await json("/member", { bearer: await token(claims) })).status, 200);
    assert.equal(redis.roundTrips.length, 1);
    const claimed = ["rv:u:the-sub", `rv:k:${ours.kid}`, "rv:j:the-jti", "rv:s:the-sid"];
    assert.deepEqual(redis.roundTrips[0]?.map(([name, ...keys]) => [name?.toLowerCase(), keys]), [
      ["mget", ["rv:ready", ...claimed, "cfg"]],
    ]);
  },

  async "[T12, S04] each level of revocation refuses"({ token, json, redis, ours }) {
    const claims = { jti: "j", sid: "s", sub: "u", uv: 3 };
    const bearer = await token(claims);
    for (
      const [level, id, value] of [
        ["token", "j", "1"],
        ["login", "s", "1"],
        ["subject", "u", "4"],
        ["key", ours.kid, "1"],
      ] as const
    ) {
      redis.reset();
      assert.equal((await json("/member", { bearer })).status, 200, level);
      redis.revoke(level, id, undefined, value);
      const response = await json("/member", { bearer });
      assert.deepEqual([response.status, response.code], [401, "token_revoked"], level);
    }
  },

  async "[S04] an account version at or above the minimum passes"({ token, json, redis }) {
    redis.revoke("subject", "u", undefined, "3");
    assert.equal((await json("/member", { bearer: await token({ sub: "u", uv: 3 }) })).status, 200);
  },

  async "[T12] a forged token causes no Redis request"({ json, redis, ours }) {
    const bearer = await signParts({
      header: { alg: "EdDSA", typ: "at+jwt", kid: ours.kid },
      payload: ourClaims(),
      key: await createIssuerKey("EdDSA"),
    });
    await json("/member", { bearer });
    assert.equal(redis.roundTrips.length, 0);
  },

  async "[T13] garbage causes no request to any dependency"({ json, jwks, redis, echo, token }) {
    await json("/member", { bearer: await token() });
    for (const part of [jwks, redis, echo]) part.reset();
    const unsigned = `${encodePart({ alg: "EdDSA" })}.${encodePart({})}.${
      encodeBase64Url(new Uint8Array(64))
    }`;
    for (const bearer of ["a.b.c", unsigned, "x".repeat(4097)]) await json("/member", { bearer });
    assert.deepEqual([jwks.seen.length, redis.roundTrips.length, echo.seen.length], [0, 0, 0]);
  },

  async "a role that the rule does not name is forbidden, one that it names passes"(environment) {
    const { token, json, echo } = environment;
    const learner = await json("/teach", { bearer: await token({ roles: ["learner", "Admin"] }) });
    assert.deepEqual([learner.status, learner.code], [403, "forbidden"]);
    assert.equal(echo.seen.length, 0);
    const admin = await json("/teach", { bearer: await token({ roles: ["x", "admin"] }) });
    assert.equal(admin.status, 200);
  },
};
