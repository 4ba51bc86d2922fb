import assert from "node:assert/strict";
import fc from "fast-check";
import { VersionConflict } from "@edgepass/shared/sql";
import {
  evaluate,
  hashRefreshToken,
  importRefreshTokenKey,
  isRefreshToken,
} from "./refresh_tokens.ts";
import { sqlLoginStore } from "./store/logins.ts";
import {
  asCaller,
  type AuthSetup,
  readClaims,
  readSetCookies,
  setupAuth,
} from "../../tests/support/auth_service.ts";
import {
  createCaller,
  expectJson,
  expectNoContent,
  expectProblem,
} from "../../tests/support/services.ts";
import { Refreshed, TokenResponse } from "./schema.ts";

const email = "learner@example.com";

async function setupLogin(options: Parameters<typeof setupAuth>[0] = {}) {
  const auth = await setupAuth(options);
  const { id } = await auth.signUp(email);
  return { ...auth, id, first: await auth.tokens({ email }) };
}

const exchanged = (response: Promise<Response>) => expectJson(response, 200, TokenResponse);

/** Rows of refresh tokens, by state. */
async function countTokens(auth: Pick<AuthSetup, "rows">): Promise<Record<string, number>> {
  const rows = await auth.rows("SELECT state, count(*) FROM refresh_tokens GROUP BY state");
  return Object.fromEntries(rows.map(([state, count]) => [String(state), Number(count)]));
}

Deno.test("POST /auth/refresh rotates both cookies and keeps the login", async () => {
  await using auth = await setupLogin();
  auth.clock.advance(60_000);
  const response = await auth.refresh(auth.first.refreshToken);
  const cookies = readSetCookies(response);
  assert.deepEqual(await expectJson(response, 200, Refreshed), {
    expiresAt: "2026-03-01T09:41:00.000Z",
  });
  assert.notEqual(cookies.refresh_token?.value, auth.first.refreshToken);
  const before = readClaims(auth.first.accessToken);
  const after = readClaims(cookies.access_token?.value ?? "");
  assert.equal(after.sid, before.sid);
  assert.equal(after.auth_time, before.auth_time);
  assert.deepEqual(after.amr, before.amr);
  assert.notEqual(after.jti, before.jti);
});

Deno.test("a stored refresh token is a SHA-256, and the token has 256 bits", async () => {
  await using auth = await setupLogin();
  const dump = JSON.stringify([
    await auth.rows("SELECT * FROM refresh_tokens"),
    await auth.rows("SELECT * FROM logins"),
  ]);
  assert.ok(isRefreshToken(auth.first.refreshToken));
  assert.ok(!dump.includes(auth.first.refreshToken));
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(auth.first.refreshToken)),
  );
  assert.ok(dump.includes(digest.toBase64({ alphabet: "base64url", omitPadding: true })));
});

Deno.test("the parent gets the same successor again for ten seconds", async () => {
  await using auth = await setupLogin();
  const next = await exchanged(auth.exchange(auth.first.refreshToken));
  auth.clock.advance(9_999);
  const again = await exchanged(auth.exchange(auth.first.refreshToken));
  assert.equal(again.refreshToken, next.refreshToken);
  assert.deepEqual(await countTokens(auth), { active: 1, used: 1 });
});

Deno.test("a login survives the restart of its service between parent and retry", async () => {
  await using auth = await setupLogin();
  const next = await exchanged(auth.exchange(auth.first.refreshToken));
  const restarted = createCaller(auth.compose(), auth.passports);
  const again = await exchanged(restarted("POST", "/auth/token", {
    body: { grantType: "refresh_token", refreshToken: auth.first.refreshToken },
  }));
  assert.equal(again.refreshToken, next.refreshToken);
});

type Login = Awaited<ReturnType<typeof setupLogin>>;

const reuses: Record<string, (auth: Login) => Promise<string>> = {
  "the parent after the grace": async (auth) => {
    await exchanged(auth.exchange(auth.first.refreshToken));
    auth.clock.advance(10_000);
    return auth.first.refreshToken;
  },
  "a grandparent inside the grace": async (auth) => {
    const second = await exchanged(auth.exchange(auth.first.refreshToken));
    await exchanged(auth.exchange(second.refreshToken));
    return auth.first.refreshToken;
  },
  "an ancestor of weeks ago": async (auth) => {
    let token = auth.first.refreshToken;
    for (let week = 0; week < 3; week++) {
      auth.clock.advance(7 * 86_400_000);
      token = (await exchanged(auth.exchange(token))).refreshToken;
    }
    return auth.first.refreshToken;
  },
};

for (const [what, prepare] of Object.entries(reuses)) {
  Deno.test(`${what} is reuse: the family ends, Redis receives the revocation, one security event is logged`, async () => {
    await using auth = await setupLogin();
    const reused = await prepare(auth);
    const { sid } = asCaller(auth.first);
    const response = await auth.refresh(reused);
    assert.deepEqual(
      Object.values(readSetCookies(response)).map(({ value, rest }) => [value, rest]),
      [["", "Path=/; Max-Age=0; HttpOnly; SameSite=Lax"], [
        "",
        "Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
      ]],
    );
    await expectProblem(response, 401, "refresh_reused");
    assert.equal(await auth.redis.command("GET", `rv:s:${sid}`), "1");
    await expectProblem(auth.exchange(reused), 401, "refresh_reused");
    const [[active] = []] = await auth.rows("SELECT count(*) FROM logins WHERE ended_at IS NULL");
    assert.equal(active, 0);
    const events = auth.log().filter(({ security }) => security !== undefined);
    assert.deepEqual(events.map(({ security, sid }) => [security, sid]), [["refresh_reused", sid]]);
  });
}

Deno.test("after reuse even the newest token of the family is refused", async () => {
  await using auth = await setupLogin();
  const second = await exchanged(auth.exchange(auth.first.refreshToken));
  auth.clock.advance(10_000);
  await expectProblem(auth.exchange(auth.first.refreshToken), 401, "refresh_reused");
  await expectProblem(auth.exchange(second.refreshToken), 401, "refresh_invalid");
});

Deno.test("reuse while Redis refuses is 503 without cleared cookies, and the retry completes it", async () => {
  await using auth = await setupLogin();
  const { sid } = asCaller(auth.first);
  await exchanged(auth.exchange(auth.first.refreshToken));
  auth.clock.advance(10_000);
  auth.redis.mode = "read-only";
  const refused = await auth.refresh(auth.first.refreshToken);
  assert.deepEqual(refused.headers.getSetCookie(), []);
  await expectProblem(refused, 503, "revocation_unavailable");
  auth.redis.mode = "up";
  await expectProblem(auth.refresh(auth.first.refreshToken), 401, "refresh_reused");
  assert.equal(await auth.redis.command("GET", `rv:s:${sid}`), "1");
  assert.equal(auth.log().filter(({ security }) => security !== undefined).length, 1);
});

Deno.test("a plain refresh and a login work without Redis", async () => {
  await using auth = await setupLogin();
  auth.redis.mode = "down";
  auth.redis.requests = 0;
  await exchanged(auth.exchange(auth.first.refreshToken));
  await auth.tokens({ email });
  assert.equal(auth.redis.requests, 0);
});

Deno.test("the idle lifetime is renewed by rotation, but never beyond the absolute lifetime", async () => {
  await using auth = await setupLogin({
    bindings: { REFRESH_TOKEN_TTL_SECONDS: "100", SESSION_MAX_SECONDS: "250" },
  });
  auth.clock.advance(99_000);
  const second = await auth.refresh(auth.first.refreshToken);
  assert.match(readSetCookies(second).refresh_token?.rest ?? "", /Max-Age=100;/);
  auth.clock.advance(99_000);
  const third = await auth.refresh(readSetCookies(second).refresh_token?.value ?? "");
  assert.match(readSetCookies(third).refresh_token?.rest ?? "", /Max-Age=52;/);
  const access = readClaims(readSetCookies(third).access_token?.value ?? "");
  assert.equal(Number(access.exp) - Number(access.iat), 52);
  auth.clock.advance(52_000);
  const last = readSetCookies(third).refresh_token?.value ?? "";
  await expectProblem(auth.exchange(last), 401, "refresh_invalid");
  await Promise.all([second, third].map((response) => response.body?.cancel()));
});

const invalid: Record<string, (auth: Login) => Promise<string> | string> = {
  "an unknown one": () =>
    crypto.getRandomValues(new Uint8Array(32)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    }),
  "one idle for too long": ({ first, clock }) => {
    clock.advance(1_209_600_000);
    return first.refreshToken;
  },
  "one of a login that was logged out": async ({ first, call }) => {
    await expectNoContent(call("POST", "/auth/logout", { as: asCaller(first) }));
    return first.refreshToken;
  },
  "one of a disabled account": async ({ first, call, administrator, id }) => {
    const as = await administrator();
    await (await call("POST", `/auth/accounts/${id}/disable`, { as })).body?.cancel();
    return first.refreshToken;
  },
  "one of a closed account": async ({ first, call }) => {
    await expectNoContent(call("DELETE", "/internal/accounts/me", { as: asCaller(first) }));
    return first.refreshToken;
  },
  "an access token": ({ first }) => first.accessToken,
  "one in quotes": ({ first }) => `"${first.refreshToken}"`,
  "one with a percent escape": ({ first }) => `%${first.refreshToken}`,
  "one with padding": ({ first }) => `${first.refreshToken}=`,
  "an empty one": () => "",
};

for (const [what, prepare] of Object.entries(invalid)) {
  Deno.test(`POST /auth/refresh refuses ${what} and clears both cookies`, async () => {
    await using auth = await setupLogin();
    const token = await prepare(auth);
    const before = await countTokens(auth);
    const response = await auth.refresh(token);
    const cookies = readSetCookies(response);
    assert.deepEqual(Object.values(cookies).map(({ value }) => value), ["", ""]);
    await expectProblem(response, 401, "refresh_invalid");
    assert.deepEqual(await countTokens(auth), before);
  });
}

Deno.test("POST /auth/refresh refuses two cookies of that name, and consumes neither", async () => {
  await using auth = await setupLogin();
  const cookie = `refresh_token=${auth.first.refreshToken}; refresh_token=x`;
  const response = await auth.call("POST", "/auth/refresh", { headers: { cookie } });
  await expectProblem(response, 401, "ambiguous_credentials");
  await exchanged(auth.exchange(auth.first.refreshToken));
});

const otherNames = ["%72efresh_token", '"refresh_token"', "Refresh_Token", "\u00a0refresh_token"];
for (const name of [...otherNames, "__Host-refresh_token", "xrefresh_token"]) {
  Deno.test(`POST /auth/refresh ignores a cookie named ${JSON.stringify(name)}`, async () => {
    await using auth = await setupLogin();
    const headers = new Headers();
    // A header is bytes; this is how NBSP arrives.
    headers.set("cookie", `${name}=${auth.first.refreshToken}`);
    const response = await auth.call("POST", "/auth/refresh", {
      headers: Object.fromEntries(headers),
    });
    await expectProblem(response, 401, "authentication_required");
    assert.deepEqual(await countTokens(auth), { active: 1 });
  });
}

Deno.test("on https an unprefixed refresh cookie is not read", async () => {
  await using auth = await setupLogin({ bindings: { PUBLIC_ORIGIN: "https://learn.example" } });
  await expectProblem(auth.refresh(auth.first.refreshToken), 401, "authentication_required");
});

Deno.test("a refresh that the store could not finish consumes nothing", async () => {
  await using auth = await setupLogin();
  await auth.rows(`CREATE TRIGGER full BEFORE INSERT ON refresh_tokens
    BEGIN SELECT RAISE(ABORT, 'disk is full'); END`);
  await expectProblem(auth.exchange(auth.first.refreshToken), 500, "internal");
  assert.deepEqual(await countTokens(auth), { active: 1 });
  await auth.rows("DROP TRIGGER full");
  await exchanged(auth.exchange(auth.first.refreshToken));
});

Deno.test("a rotation that races with the end of its login is rolled back", async () => {
  await using auth = await setupLogin();
  await auth.rows(`CREATE TRIGGER meanwhile AFTER UPDATE OF state ON refresh_tokens
    BEGIN UPDATE logins SET ended_at = 1; END`);
  await expectProblem(auth.exchange(auth.first.refreshToken), 409, "conflict");
  assert.deepEqual(await countTokens(auth), { active: 1 });
});

Deno.test("a used parent cannot get a second successor", async () => {
  await using auth = await setupLogin();
  const logins = sqlLoginStore(auth.database);
  const parentHash = await hashRefreshToken(auth.first.refreshToken);
  const { sid } = asCaller(auth.first);
  const rotation = { sid, parentHash, expiresAt: auth.clock.now() + 1000, now: auth.clock.now() };
  await logins.rotate({ ...rotation, successorHash: "one" });
  await assert.rejects(logins.rotate({ ...rotation, successorHash: "two" }), VersionConflict);
  assert.deepEqual(await countTokens(auth), { active: 1, used: 1 });
});

Deno.test("fifty parallel refreshes on two instances create exactly one successor", async () => {
  await using auth = await setupLogin();
  const instances = [auth.call, createCaller(auth.compose(), auth.passports)];
  const body = { grantType: "refresh_token", refreshToken: auth.first.refreshToken };
  const all = await Promise.all(
    Array.from(
      { length: 50 },
      (_, at) => exchanged(instances[at % 2]!("POST", "/auth/token", { body })),
    ),
  );
  assert.equal(new Set(all.map(({ refreshToken }) => refreshToken)).size, 1);
  assert.deepEqual(await countTokens(auth), { active: 1, used: 1 });
  await exchanged(auth.exchange(all[0]?.refreshToken ?? ""));
});

Deno.test("in every interleaving of refreshes and a logout one token line stays active, and none after the logout", async () => {
  const steps = fc.array(
    fc.record({
      token: fc.nat(5),
      parallel: fc.integer({ min: 1, max: 4 }),
      waitMs: fc.constantFrom(0, 0, 0, 5_000, 10_000),
    }),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (plan, endsWithLogout) => {
      await using auth = await setupLogin();
      const line = [auth.first.refreshToken];
      for (const { token, parallel, waitMs } of plan) {
        auth.clock.advance(waitMs);
        const presented = line[Math.min(token, line.length - 1)] ?? "";
        const responses = await Promise.all(
          Array.from({ length: parallel }, () => auth.exchange(presented)),
        );
        const bodies = await Promise.all(responses.map((response) => response.json()));
        const given = new Set(bodies.map((body) => body.refreshToken ?? body.code));
        assert.equal(given.size, 1, [...given].join());
        const [only] = given;
        if (bodies[0].refreshToken !== undefined && !line.includes(only)) line.push(only);
        assert.equal((await countTokens(auth)).active, 1);
      }
      if (!endsWithLogout) return;
      const [left] = await Promise.all([
        auth.exchange(line.at(-1) ?? ""),
        auth.call("POST", "/auth/logout", { as: asCaller(auth.first) })
          .then((response) => response.body?.cancel()),
      ]);
      const body = await left.json();
      const last = body.refreshToken ?? line.at(-1);
      const response = await auth.exchange(last);
      await response.body?.cancel();
      assert.equal(response.status, 401);
    }),
    { numRuns: 30 },
  );
});

Deno.test("evaluate() lets only the immediate parent of an unused successor repeat", () => {
  const state = fc.record({
    state: fc.constantFrom("active" as const, "used" as const),
    usedAt: fc.option(fc.integer({ min: 0, max: 30_000 })),
    expiresAt: fc.integer({ min: 0, max: 60_000 }),
  });
  fc.assert(
    fc.property(state, fc.option(state, { nil: undefined }), fc.nat(60_000), (token, next, now) => {
      const verdict = evaluate(token, next, now);
      if (verdict === "rotate") assert.ok(token.state === "active" && now < token.expiresAt);
      if (verdict === "repeat") {
        assert.ok(token.state === "used" && token.usedAt !== null && now - token.usedAt < 10_000);
        assert.ok(next?.state === "active" && now < next.expiresAt);
      }
      if (token.state === "used") assert.ok(verdict === "repeat" || verdict === "reuse");
    }),
  );
});

Deno.test("the key of the refresh grace is not extractable", async () => {
  const key = await importRefreshTokenKey(new Uint8Array(32));
  assert.equal(key.extractable, false);
});
