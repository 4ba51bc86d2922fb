import assert from "node:assert/strict";
import { importJwkSet, JwkSet } from "@edgepass/shared/crypto";
import { type AccessTokenIssuer, indexIssuers, verifyAccessToken } from "@edgepass/shared/tokens";
import {
  asCaller,
  cheapCost,
  password,
  readClaims,
  readSetCookies,
  setupAuth,
} from "../../tests/support/auth_service.ts";
import { expectJson, expectProblem } from "../../tests/support/services.ts";
import { createPasswordHasher } from "./passwords/hasher.ts";
import { LoggedIn } from "./schema.ts";

Deno.test("POST /auth/login returns the person and sets both cookies", async () => {
  await using auth = await setupAuth();
  const { id } = await auth.signUp("Learner@Example.com");
  const response = await auth.logIn("learner@EXAMPLE.com ");
  const cookies = readSetCookies(response);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.deepEqual(await expectJson(response, 200, LoggedIn), {
    user: { id, email: "learner@example.com", roles: ["learner"] },
    expiresAt: "2026-03-01T09:40:00.000Z",
  });
  assert.deepEqual(Object.keys(cookies), ["access_token", "refresh_token"]);
  assert.equal(cookies.access_token?.rest, "Path=/; Max-Age=600; HttpOnly; SameSite=Lax");
  assert.equal(cookies.refresh_token?.rest, "Path=/; Max-Age=1209600; HttpOnly; SameSite=Strict");
});

Deno.test("POST /auth/login on https sets __Host- cookies with Secure, each under 4096 bytes", async () => {
  await using auth = await setupAuth({ bindings: { PUBLIC_ORIGIN: "https://learn.example" } });
  await auth.signUp("learner@example.com");
  const response = await auth.logIn("learner@example.com");
  const cookies = readSetCookies(response);
  assert.equal(response.status, 200, await response.text());
  assert.deepEqual(Object.keys(cookies), ["__Host-access_token", "__Host-refresh_token"]);
  for (const cookie of response.headers.getSetCookie()) {
    assert.match(cookie, /; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=(Lax|Strict)$/);
    assert.ok(cookie.length < 4096);
  }
});

Deno.test("a login ignores the cookies it came with and begins a family of its own", async () => {
  await using auth = await setupAuth();
  await auth.signUp("learner@example.com");
  const planted = await auth.tokens({ email: "learner@example.com" });
  const response = await auth.logIn("learner@example.com", {
    headers: { cookie: `refresh_token=${planted.refreshToken}; access_token=x` },
  });
  const cookies = readSetCookies(response);
  assert.equal(response.status, 200, await response.text());
  const access = cookies.access_token?.value ?? "";
  assert.notEqual(readClaims(access).sid, readClaims(planted.accessToken).sid);
  assert.notEqual(cookies.refresh_token?.value, planted.refreshToken);
});

Deno.test("an access token is an RFC 9068 token that the published keys verify", async () => {
  await using auth = await setupAuth();
  const { id } = await auth.signUp("learner@example.com");
  const { accessToken } = await auth.tokens({ email: "learner@example.com" });
  const response = await auth.call("GET", "/.well-known/jwks.json", { as: null });
  const ring = await importJwkSet(JwkSet.parse(await response.json()), ["EdDSA"]);
  const header = JSON.parse(atob(accessToken.split(".")[0] ?? ""));
  assert.deepEqual(Object.keys(header), ["alg", "typ", "kid"]);
  assert.deepEqual([header.alg, header.typ], ["EdDSA", "at+jwt"]);
  const issuer: AccessTokenIssuer = {
    iss: "http://gateway.test",
    audience: ["https://api.test"],
    algorithms: ["EdDSA"],
    typ: ["at+jwt"],
    claims: {},
    maxLifeSeconds: 900,
    maxTokenBytes: 4096,
    findKey: ({ kid = "" }) => Promise.resolve(ring.get(kid)),
  };
  const verified = await verifyAccessToken(accessToken, {
    issuers: indexIssuers([issuer]),
    nowSeconds: auth.clock.now() / 1000,
    leewaySeconds: 0,
  });
  assert.ok("token" in verified, JSON.stringify(verified));
  const claims = readClaims(accessToken);
  const iat = auth.clock.now() / 1000;
  assert.match(String(claims.jti), /^[A-Za-z0-9_-]{22}$/);
  assert.deepEqual({ ...claims, jti: "", sid: "" }, {
    iss: "http://gateway.test",
    aud: "https://api.test",
    sub: id,
    iat,
    exp: iat + 600,
    jti: "",
    sid: "",
    uv: 1,
    auth_time: iat,
    amr: ["pwd"],
    roles: ["learner"],
    scope: "",
    client_id: "edgepass-first-party",
  });
});

Deno.test("POST /auth/token returns tokens that are not stored and sets no cookie", async () => {
  await using auth = await setupAuth();
  await auth.signUp("learner@example.com");
  const response = await auth.call("POST", "/auth/token", {
    body: { grantType: "password", email: "learner@example.com", password },
  });
  assert.deepEqual(response.headers.getSetCookie(), []);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const { accessToken: _, refreshToken: __, ...rest } = await response.json();
  assert.deepEqual(rest, { tokenType: "Bearer", expiresIn: 600 });
});

Deno.test("unknown address, wrong password and disabled account get equal bytes and headers", async () => {
  await using auth = await setupAuth();
  const { id } = await auth.signUp("disabled@example.com");
  await auth.signUp("learner@example.com");
  const admin = await auth.administrator();
  const disabled = await auth.call("POST", `/auth/accounts/${id}/disable`, { as: admin });
  assert.equal(disabled.status, 200, await disabled.text());
  const seen = new Set<string>();
  const tries = [
    ["nobody@example.com", password],
    ["learner@example.com", "not the sentence"],
    ["disabled@example.com", password],
    ["disabled@example.com", "not the sentence"],
    ["no address at all", password],
  ] as const;
  for (const path of ["/auth/login", "/auth/token"]) {
    for (const [email, tried] of tries) {
      const grant = path === "/auth/token" ? { grantType: "password" } : {};
      const body = { ...grant, email, password: tried };
      const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
      const response = await auth.call("POST", path, { body, headers: { traceparent } });
      const text = await response.text();
      assert.equal(JSON.parse(text).code, "credentials_invalid");
      seen.add(JSON.stringify([response.status, [...response.headers], text]));
    }
  }
  assert.equal(seen.size, 1, [...seen].join("\n"));
});

Deno.test("a refused login costs one hash, whether the account exists or not", async () => {
  const hashed: string[] = [];
  const passwords = createPasswordHasher({
    cost: cheapCost,
    argon2id: {
      kind: "portable",
      derive: ({ cost, bytes }) => {
        hashed.push(JSON.stringify(cost));
        return Promise.resolve(new Uint8Array(bytes));
      },
    },
  });
  await using auth = await setupAuth({ passwords, bindings: { ADMIN_EMAIL: "" } });
  await auth.signUp("learner@example.com");
  await auth.rows("UPDATE accounts SET disabled = 1");
  hashed.length = 0;
  for (const email of ["nobody@example.com", "learner@example.com"]) {
    await expectProblem(auth.logIn(email), 401, "credentials_invalid");
  }
  assert.deepEqual(hashed, [JSON.stringify(cheapCost), JSON.stringify(cheapCost)]);
});

Deno.test("a login rehashes a password that was hashed at another cost, and works before and after", async () => {
  await using auth = await setupAuth({
    passwords: createPasswordHasher({ cost: { ...cheapCost, t: 2 } }),
  });
  await auth.signUp("learner@example.com");
  const old = await createPasswordHasher({ cost: cheapCost }).hash(password);
  const where = "WHERE email = 'learner@example.com'";
  await auth.rows(`UPDATE accounts SET password_hash = ? ${where}`, old);
  await auth.tokens({ email: "learner@example.com" });
  const [[stored] = []] = await auth.rows(`SELECT password_hash FROM accounts ${where}`);
  assert.match(String(stored), /^\$argon2id\$v=19\$m=8,t=2,p=1\$/);
  await auth.tokens({ email: "learner@example.com" });
});

const meanwhile = {
  "the account is disabled": "UPDATE accounts SET disabled = 1",
  "the account is closed": "UPDATE accounts SET closed_at = 1",
  "the password is changed": "UPDATE accounts SET password_changed_at = password_changed_at + 1",
} as const;
for (const [what, change] of Object.entries(meanwhile)) {
  Deno.test(`no login begins when ${what} while its password is checked`, async () => {
    const during: { run?: () => Promise<unknown> } = {};
    const passwords = createPasswordHasher({
      cost: cheapCost,
      argon2id: {
        kind: "portable",
        derive: async ({ bytes }) => {
          await during.run?.();
          return new Uint8Array(bytes);
        },
      },
    });
    await using auth = await setupAuth({ passwords, bindings: { ADMIN_EMAIL: "" } });
    await auth.signUp("learner@example.com");
    during.run = () => auth.rows(change);
    await expectProblem(auth.logIn("learner@example.com"), 401, "credentials_invalid");
    assert.deepEqual(await auth.rows("SELECT * FROM logins"), []);
  });
}

Deno.test("a full hasher refuses with 503 and Retry-After, and counts no attempt", async () => {
  const gate = Promise.withResolvers<void>();
  let started = 0;
  const entered = Promise.withResolvers<void>();
  const passwords = createPasswordHasher({
    cost: cheapCost,
    maxConcurrent: 1,
    argon2id: {
      kind: "portable",
      derive: async ({ bytes }) => {
        if (++started > 1) entered.resolve();
        if (started > 1) await gate.promise;
        return new Uint8Array(bytes);
      },
    },
  });
  await using auth = await setupAuth({ passwords, bindings: { ADMIN_EMAIL: "" } });
  await auth.signUp("learner@example.com");
  const first = auth.logIn("learner@example.com");
  await entered.promise;
  const second = await auth.logIn("learner@example.com");
  assert.equal(second.headers.get("retry-after"), "1");
  await expectProblem(second, 503, "upstream_unavailable");
  gate.resolve();
  assert.equal((await first).status, 200);
  await (await first).body?.cancel();
  assert.deepEqual(await auth.rows("SELECT count(*) FROM guesses WHERE count > 0"), [[1]]);
});

const refused = {
  "an unknown field": [{ email: "a@b.example", password, admin: true }, 422, "validation_failed"],
  "no password": [{ email: "a@b.example" }, 422, "validation_failed"],
  "a password that is no text": [{ email: "a@b.example", password: 1 }, 422, "validation_failed"],
  "a password over 1 KiB": [
    { email: "a@b.example", password: "é".repeat(513) },
    422,
    "validation_failed",
  ],
  "an address with NUL": [{ email: "a\0@b.example", password }, 422, "validation_failed"],
  "broken JSON": ["{", 400, "malformed_json"],
} as const;
for (const [what, [body, status, code]] of Object.entries(refused)) {
  Deno.test(`POST /auth/login refuses ${what}`, async () => {
    await using auth = await setupAuth();
    await expectProblem(auth.call("POST", "/auth/login", { body }), status, code);
    assert.deepEqual(await auth.rows("SELECT * FROM logins"), []);
  });
}

Deno.test("no log line contains an address, a password or a token", async () => {
  await using auth = await setupAuth();
  await auth.signUp("learner@example.com");
  const tokens = await auth.tokens({ email: "learner@example.com" });
  await (await auth.refresh(tokens.refreshToken)).body?.cancel();
  await expectProblem(
    auth.call("POST", "/auth/login", { body: { email: "learner@example.com", password: "wrong" } }),
    401,
    "credentials_invalid",
  );
  await (await auth.call("POST", "/auth/logout", { as: asCaller(tokens) })).body?.cancel();
  const log = auth.lines.join("\n");
  for (const secret of ["learner@", password, tokens.accessToken, tokens.refreshToken]) {
    assert.ok(!log.includes(secret));
  }
});
