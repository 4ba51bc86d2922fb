import assert from "node:assert/strict";
import { ConfigError } from "@edgepass/shared/configuration";
import * as z from "zod/mini";
import service from "./service.ts";
import { accessTokenKeysSetting } from "./keys.ts";
import { makeAccessTokenKeys, readClaims, setupAuth } from "../../tests/support/auth_service.ts";
import { expectProblem } from "../../tests/support/services.ts";

const [key, other] = [
  await makeAccessTokenKeys(["signing"]),
  await makeAccessTokenKeys(["signing"]),
]
  .flatMap((set) => z.parse(accessTokenKeysSetting, set).keys);
assert.ok(key && other);
const keySet = (...keys: unknown[]) => JSON.stringify({ keys });
const weak = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/** Setting → values that a start refuses. */
const refused: Record<string, Record<string, unknown>> = {
  ACCESS_TOKEN_KEYS: {
    "nothing": undefined,
    "no JSON": "keys",
    "no keys": keySet(),
    "two signing keys": keySet(key, other),
    "no signing key": keySet({ ...key, state: "retired" }),
    "one kid twice": keySet(key, { ...other, kid: key.kid, state: "published" }),
    "a public key": keySet({ ...key, d: undefined }),
    "a key of another type": keySet({ ...key, kty: "EC", crv: "P-256" }),
    "another algorithm": keySet({ ...key, alg: "ES256" }),
    "a key for encryption": keySet({ ...key, use: "enc" }),
    "a key without use": keySet({ ...key, use: undefined }),
    "a key without state": keySet({ ...key, state: undefined }),
    "an unknown state": keySet({ ...key, state: "active" }),
    "a secret": keySet({
      kty: "oct",
      k: weak,
      kid: "a",
      alg: "HS256",
      use: "sig",
      state: "signing",
    }),
    "a short half": keySet({ ...key, d: "AAAA" }),
  },
  REFRESH_TOKEN_KEY: { "nothing": undefined, "31 bytes": "x".repeat(41), "zeros": weak },
  ACCESS_TOKEN_TTL_SECONDS: { "over 15 minutes": "901", "zero": "0", "no number": "10m" },
  REFRESH_TOKEN_TTL_SECONDS: { "a fraction": "1.5" },
  SESSION_MAX_SECONDS: { "a negative": "-1" },
  AUTH_DB: { "nothing": undefined, "a file": "sqlite:auth.db" },
  PUBLIC_ORIGIN: { "nothing": undefined, "a path": "https://learn.example/" },
  UPSTASH_REDIS_REST_URL: { "nothing": undefined, "no URL": "redis" },
  UPSTASH_REDIS_REST_TOKEN: { "nothing": undefined },
  ADMIN_EMAIL: { "no address": "admin" },
  ADMIN_PASSWORD: { "a short one": "short", "a well-known one": "password123" },
};

for (const [name, values] of Object.entries(refused)) {
  for (const [what, value] of Object.entries(values)) {
    Deno.test(`start refuses ${name} with ${what}, and names the setting alone`, async () => {
      await using auth = await setupAuth();
      assert.throws(() => service.compose({ ...auth.settings, [name]: value }), (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.ok(error.message.includes(name), error.message);
        assert.ok(!error.message.includes(key.d) && !error.message.includes(weak));
        return typeof value !== "string" || value.length < 4 || !error.message.includes(value);
      });
    });
  }
}

for (const state of ["signing", "published", "retired"] as const) {
  Deno.test(`start refuses a ${state} key whose halves do not match, and names the setting alone`, async () => {
    const pair = { ...key, kid: "mixed", d: other.d, state };
    const keys = state === "signing" ? keySet(pair) : keySet(key, pair);
    await using auth = await setupAuth({ bindings: { ACCESS_TOKEN_KEYS: keys } });
    await assert.rejects(async () => await auth.app.start?.(), (error) => {
      assert.ok(error instanceof ConfigError);
      return error.message ===
        "Cannot start: ACCESS_TOKEN_KEYS has a key whose halves do not match";
    });
    const ready = await auth.call("GET", "/readyz", { as: null });
    await ready.body?.cancel();
    assert.equal(ready.status, 503);
  });
}

Deno.test("the JWK set contains the public halves of all states, and no private key", async () => {
  const keys = keySet(key, { ...other, state: "published" });
  await using auth = await setupAuth({ bindings: { ACCESS_TOKEN_KEYS: keys } });
  const response = await auth.call("GET", "/.well-known/jwks.json", { as: null });
  assert.equal(response.headers.get("cache-control"), "public, max-age=300");
  assert.deepEqual(await response.json(), {
    keys: [key, other].map(({ kid, x }) => ({
      kty: "OKP",
      crv: "Ed25519",
      x,
      kid,
      alg: "EdDSA",
      use: "sig",
    })),
  });
  await auth.signUp("learner@example.com");
  const { accessToken } = await auth.tokens({ email: "learner@example.com" });
  assert.equal(JSON.parse(atob(accessToken.split(".")[0] ?? "")).kid, key.kid);
});

Deno.test("the JWK set is 304 for its own entity tag, weak or among others, and 200 for another", async () => {
  await using auth = await setupAuth();
  const get = async (headers: Record<string, string> = {}) => {
    const response = await auth.call("GET", "/.well-known/jwks.json", { as: null, headers });
    await response.body?.cancel();
    return response;
  };
  const etag = (await get()).headers.get("etag") ?? "";
  assert.match(etag, /^"[\w-]+"$/);
  for (const named of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const response = await get({ "if-none-match": named });
    assert.equal(response.status, 304);
    assert.equal(response.headers.get("etag"), etag);
    assert.equal(response.headers.get("cache-control"), "public, max-age=300");
  }
  assert.equal((await get({ "if-none-match": '"x"' })).status, 200);
});

Deno.test("ISSUER and AUDIENCE are the public origin unless they are set", async () => {
  // The origin is the issuer of the tests' Passports.
  const bindings = { PUBLIC_ORIGIN: "http://gateway.test", ISSUER: "", AUDIENCE: "" };
  await using auth = await setupAuth({ bindings });
  await auth.signUp("learner@example.com");
  const { iss, aud } = readClaims(
    (await auth.tokens({ email: "learner@example.com" })).accessToken,
  );
  assert.deepEqual([iss, aud], ["http://gateway.test", "http://gateway.test"]);
});

Deno.test("start succeeds while Redis is down, and fills an incomplete revocation list", async () => {
  await using auth = await setupAuth();
  auth.redis.mode = "down";
  await auth.app.start?.();
  auth.redis.mode = "up";
  await auth.app.start?.();
  assert.equal(await auth.redis.command("GET", "rv:ready"), await auth.logPosition());
  auth.redis.requests = 0;
  await auth.app.start?.();
  assert.equal(auth.redis.requests, 1);
});

Deno.test("a revocation list that is emptied during its rebuild is not declared complete", async () => {
  await using auth = await setupAuth();
  const insert = "INSERT INTO revocations (level, id, value, expires_at) VALUES ('login', ?, 1, ?)";
  for (let row = 0; row < 600; row++) {
    await auth.rows(insert, `login-${row}`, auth.clock.now() + 60_000);
  }
  auth.redis.onRequest = async (count) => {
    if (count === 2) await auth.redis.command("FLUSHALL");
  };
  auth.redis.requests = 0;
  const rebuild = () =>
    auth.call("POST", "/internal/revocations/refill", { as: { sub: "svc:gateway" } });
  await expectProblem(rebuild(), 503, "revocation_unavailable");
  assert.equal(await auth.redis.command("EXISTS", "rv:ready"), 0);
  const again = await rebuild();
  assert.equal(`${again.status} ${await again.text()}`, "204 ");
});

Deno.test("the maintenance deletes expired rows and keeps valid ones", async () => {
  await using auth = await setupAuth();
  await auth.signUp("learner@example.com");
  const old = await auth.tokens({ email: "learner@example.com" });
  await (await auth.call("POST", "/auth/logout", {
    headers: { cookie: `refresh_token=${old.refreshToken}` },
  })).body?.cancel();
  await (await auth.call("POST", "/auth/login", {
    body: { email: "learner@example.com", password: "not the sentence" },
  })).body?.cancel();
  auth.clock.advance(86_400_000);
  const active = await auth.tokens({ email: "learner@example.com" });
  await auth.app.maintain?.();
  assert.deepEqual(await auth.rows("SELECT sid FROM logins"), [[
    readClaims(active.accessToken).sid,
  ]]);
  for (const table of ["revocations", "guesses WHERE count > 0", "address_claims"]) {
    assert.deepEqual(await auth.rows(`SELECT * FROM ${table}`), []);
  }
  assert.deepEqual(await auth.rows("SELECT count(*) FROM refresh_tokens"), [[1]]);
});

Deno.test("an unavailable store is 503, and readiness reports it", async () => {
  await using auth = await setupAuth();
  await auth.rows("ALTER TABLE revocations RENAME TO elsewhere");
  const ready = await auth.call("GET", "/readyz", { as: null });
  assert.equal(ready.status, 503);
  assert.equal((await ready.json()).checks.store, "SqlFault");
});

Deno.test("the OpenAPI document names every public operation and no internal route", async () => {
  await using auth = await setupAuth();
  const response = await auth.call("GET", "/openapi.json", { as: null });
  const document = await response.json();
  assert.deepEqual(Object.keys(document.paths).sort(), [
    "/.well-known/jwks.json",
    "/admin/configuration",
    "/admin/configuration/history",
    "/admin/configuration/history/{version}",
    "/admin/configuration/rollback",
    "/auth/accounts",
    "/auth/accounts/{id}/disable",
    "/auth/accounts/{id}/enable",
    "/auth/accounts/{id}/roles",
    "/auth/login",
    "/auth/logout",
    "/auth/logout-all",
    "/auth/password",
    "/auth/refresh",
    "/auth/sessions",
    "/auth/sessions/{id}",
    "/auth/signup",
    "/auth/token",
  ]);
  for (
    const path of Object.values<
      Record<string, { operationId?: string; summary?: string; tags?: string[] }>
    >(document.paths)
  ) {
    for (const operation of Object.values(path)) {
      assert.ok(operation.operationId && operation.summary && operation.tags?.length);
    }
  }
});
