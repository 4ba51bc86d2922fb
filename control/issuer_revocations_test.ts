import assert from "node:assert/strict";
import { setupControl } from "../tests/support/control_service.ts";
import { expectJson, expectNoContent, expectProblem, person } from "../tests/support/services.ts";
import { AuditList, Revocation, RevocationList } from "./schema.ts";

const path = "/admin/revocations";
const dayMs = 86_400_000;
/** Of the issuer `corp`: the life of its tokens, the leeway twice, and a margin. */
const cleared = (3600 + 2 * 5 + 60) * 1000;

const levels = {
  token: ["rv:j:corp:42", "1", cleared],
  login: ["rv:s:corp:42", "1", 30 * dayMs],
  subject: ["rv:u:corp:42", undefined, cleared],
  key: ["rv:k:corp:42", "1", 30 * dayMs],
} as const;
for (const [level, [key, value, lifeMs]] of Object.entries(levels)) {
  Deno.test(`a revoked ${level} is in Redis, in the list, in the audit and in the log`, async () => {
    await using control = await setupControl();
    const at = control.clock.now();
    const body = { issuer: "corp", level, id: "42", reason: "Laptop stolen" };
    const revoked = await expectJson(control.revoke(body), 201, Revocation);
    assert.deepEqual(revoked, {
      ...body,
      issuedBefore: level === "subject" ? new Date(at + 6_000).toISOString() : null,
      expiresAt: new Date(at + lifeMs).toISOString(),
      revokedAt: new Date(at).toISOString(),
      revokedBy: "corp:boss",
    });
    const minimum = value ?? String(at / 1000 + 6);
    assert.equal(await control.redis.command("GET", key), minimum);
    assert.equal(await control.redis.command("TTL", key), lifeMs / 1000);
    const as = control.admin;
    const { items } = await expectJson(control.call("GET", path, { as }), 200, RevocationList);
    assert.deepEqual(items, [revoked]);
    const audit = await expectJson(control.call("GET", "/admin/audit", { as }), 200, AuditList);
    assert.deepEqual(audit.items.map(({ by, target, what }) => [by, target, what]), [
      ["corp:boss", `${level} corp:42`, "revoked: Laptop stolen"],
    ]);
    const line = control.log().find(({ message }) => message === "Tokens revoked");
    assert.deepEqual([line?.actorId, line?.targetId], ["corp:boss", `${level} corp:42`]);
  });
}

/** What an administrator writes → the key in Redis. */
const names = [
  ["corp", "subject", "Ada Lovelace", "rv:u:corp:Ada%20Lovelace"],
  ["corp", "subject", "Ada%20Lovelace", "rv:u:corp:Ada%20Lovelace"],
  ["corp", "subject", "auth0|42%7C", "rv:u:corp:auth0|42%7C"],
  ["login", "subject", "t-1:auth0|42", "rv:u:login:t-1:auth0%7C42"],
  ["login", "subject", "t-1:auth0%7C42", "rv:u:login:t-1:auth0%7C42"],
  ["login", "token", "t-1:a:b", "rv:j:login:t-1:a:b"],
  ["login", "login", "t-2:s", "rv:s:login:t-2:s"],
  ["login", "key", "k", "rv:k:login:k"],
] as const;
for (const [issuer, level, id, key] of names) {
  Deno.test(`the ${level} ${id} of ${issuer} is revoked under the key that the gateway reads`, async () => {
    await using control = await setupControl();
    await expectJson(control.revoke({ issuer, level, id }), 201, Revocation);
    assert.deepEqual(await control.redis.command("KEYS", "rv:[jsuk]:*"), [key]);
  });
}

Deno.test("a client with the role revokes under its whole subject", async () => {
  await using control = await setupControl();
  const as = { pv: "0.1.1", sub: "client:corp:ci", roles: ["admin"] };
  const body = { issuer: "corp", level: "subject", id: "42" };
  const { revokedBy } = await expectJson(control.revoke(body, as), 201, Revocation);
  assert.equal(revokedBy, "client:corp:ci");
});

const callers = {
  "a person without the role": [person("corp:42", "learner"), 403, "forbidden"],
  "a service": [{ sub: "svc:gateway", roles: ["admin"] }, 403, "forbidden"],
  "a client without the role": [{ pv: "0.1.1", sub: "client:corp:ci" }, 403, "forbidden"],
  "an API key": [{ pv: "0.1.1", sub: "key:1", roles: ["admin"] }, 403, "forbidden"],
  "an anonymous caller": [{ sub: "anon" }, 401, "authentication_required"],
  "a caller without a Passport": [null, 401, "passport_required"],
} as const;
for (const [who, [as, status, code]] of Object.entries(callers)) {
  Deno.test(`${who} neither revokes nor reads revocations and audit`, async () => {
    await using control = await setupControl();
    const body = { issuer: "corp", level: "token", id: "42" };
    await expectProblem(control.call("POST", path, { as, body }), status, code);
    await expectProblem(control.call("GET", path, { as }), status, code);
    await expectProblem(control.call("GET", "/admin/audit", { as }), status, code);
    await expectProblem(control.call("GET", "/admin/configuration", { as }), status, code);
    assert.deepEqual(await control.rows("SELECT id FROM revocations"), []);
    assert.deepEqual(await control.rows("SELECT id FROM audit"), []);
  });
}

const refused: Record<string, [body: Record<string, unknown>, path: string]> = {
  "an unknown issuer": [{ issuer: "elsewhere" }, "issuer"],
  "our own people": [{ issuer: "user" }, "issuer"],
  "an alias that is part of another": [{ issuer: "cor" }, "issuer"],
  "an unknown level": [{ level: "session" }, "level"],
  "a subject that no token has": [{ level: "subject", id: "x".repeat(257) }, "id"],
  "a subject in another encoding than ours": [{ level: "subject", id: "Ada%20Lov%65lace" }, "id"],
  "a subject that no Passport has room for": [{ level: "subject", id: "ü".repeat(90) }, "id"],
  "a token without its tenant": [{ issuer: "login" }, "id"],
  "a login without its tenant": [{ issuer: "login", level: "login", id: "a b:42" }, "id"],
  "a subject of no tenant": [{ issuer: "login", level: "subject", id: ":42" }, "id"],
  "a tenant without a subject": [{ issuer: "login", level: "subject", id: "t-1:" }, "id"],
  "an empty id": [{ id: "" }, "id"],
  "an id longer than a claim": [{ id: "x".repeat(513) }, "id"],
  "a time without a zone": [{ expiresAt: "2026-03-02T00:00:00" }, "expiresAt"],
  "an unknown member": [{ scope: "all" }, "scope"],
};
for (const [what, [more, faulty]] of Object.entries(refused)) {
  Deno.test(`a revocation of ${what} is refused and revokes nothing`, async () => {
    await using control = await setupControl();
    const response = await control.revoke({ issuer: "corp", level: "token", id: "42", ...more });
    const { code, errors } = await response.json();
    assert.deepEqual([response.status, code], [422, "validation_failed"]);
    assert.equal(errors[0].path, faulty);
    assert.deepEqual(await control.rows("SELECT id FROM revocations"), []);
    assert.deepEqual(await control.redis.command("KEYS", "rv:[jsuk]:*"), []);
  });
}

Deno.test("a revocation ends after the tokens that it revokes, and within 366 days", async () => {
  await using control = await setupControl();
  const at = control.clock.now();
  const until = (issuer: string, expiresAt: number) =>
    control.revoke({
      issuer,
      level: "key",
      id: `${issuer}-${expiresAt}`,
      expiresAt: new Date(expiresAt).toISOString(),
    });
  // Tokens of an issuer without a setting live a day.
  const firsts = { corp: at + cleared, partner: at + dayMs + 70_000 };
  for (const [issuer, first] of Object.entries(firsts)) {
    for (const refusedAt of [at - 1, first - 1, at + 366 * dayMs + 1]) {
      await expectProblem(until(issuer, refusedAt), 422, "validation_failed");
    }
    for (const accepted of [first, at + 366 * dayMs]) {
      const { expiresAt } = await expectJson(until(issuer, accepted), 201, Revocation);
      assert.equal(Date.parse(expiresAt), accepted);
    }
  }
});

Deno.test("a token life beyond 366 days is revoked for that long", async () => {
  const ISSUERS = JSON.stringify([{ alias: "corp", maxLifeSeconds: 400 * 86_400 }]);
  await using control = await setupControl({ ISSUERS });
  const body = { issuer: "corp", level: "token", id: "42" };
  const { expiresAt } = await expectJson(control.revoke(body), 201, Revocation);
  assert.equal(Date.parse(expiresAt), control.clock.now() + 400 * dayMs + 70_000);
});

Deno.test("the same revocation again never ends earlier", async () => {
  await using control = await setupControl();
  const body = { issuer: "corp", level: "key", id: "k1" };
  const first = await expectJson(control.revoke(body), 201, Revocation);
  const soon = new Date(control.clock.now() + 2 * dayMs).toISOString();
  const again = await expectJson(control.revoke({ ...body, expiresAt: soon }), 201, Revocation);
  assert.equal(again.expiresAt, first.expiresAt);
  assert.equal(await control.redis.command("TTL", "rv:k:corp:k1"), 30 * 86_400);
});

Deno.test("a revocation that Redis missed is 503, and the maintenance completes it", async () => {
  await using control = await setupControl();
  await control.app.start?.();
  control.redis.mode = "read-only";
  const body = { issuer: "corp", level: "subject", id: "42" };
  await expectProblem(control.revoke(body), 503, "revocation_unavailable");
  control.redis.mode = "up";
  await control.app.maintain?.();
  assert.notEqual(await control.redis.command("GET", "rv:u:corp:42"), null);
});

Deno.test("revocations are listed newest first, page by page, and no expired ones", async () => {
  await using control = await setupControl();
  await expectJson(control.revoke({ issuer: "corp", level: "token", id: "old" }), 201, Revocation);
  control.clock.advance(cleared);
  for (const id of ["a", "b", "c"]) {
    control.clock.advance(1000);
    await expectJson(control.revoke({ issuer: "partner", level: "token", id }), 201, Revocation);
  }
  const pageOf = async <Item>(
    target: string,
    schema: { parse(value: unknown): { items: Item[]; nextCursor: string | null } },
  ) => {
    const as = control.admin;
    const first = await expectJson(control.call("GET", `${target}?limit=2`, { as }), 200, schema);
    const rest = await expectJson(
      control.call("GET", `${target}?limit=2&cursor=${first.nextCursor}`, { as }),
      200,
      schema,
    );
    return [...first.items, ...rest.items];
  };
  const listed = await pageOf(path, RevocationList);
  assert.deepEqual(listed.map(({ id, issuer }) => [issuer, id]), [
    ["partner", "c"],
    ["partner", "b"],
    ["partner", "a"],
  ]);
  const audited = await pageOf("/admin/audit", AuditList);
  assert.deepEqual(audited.map(({ target }) => target), [
    "token partner:c",
    "token partner:b",
    "token partner:a",
    "token corp:old",
  ]);
  await control.app.maintain?.();
  const ids = await control.rows("SELECT id FROM revocations ORDER BY id");
  assert.deepEqual(ids.flat(), ["partner:a", "partner:b", "partner:c"]);
});

Deno.test("a rebuild writes revocations and configuration to an emptied Redis", async () => {
  await using control = await setupControl();
  await expectJson(control.revoke({ issuer: "corp", level: "login", id: "s1" }), 201, Revocation);
  const changed = await control.put({ gateway: { logLevel: "debug" } });
  await changed.body?.cancel();
  await control.redis.command("FLUSHALL");
  const as = { sub: "svc:gateway" };
  await expectNoContent(control.call("POST", "/internal/revocations/refill", { as }));
  assert.equal(await control.redis.command("GET", "rv:s:corp:s1"), "1");
  assert.equal(await control.redis.command("GET", "cfg"), "1");
  const refill = control.call("POST", "/internal/revocations/refill", { as: control.admin });
  await expectProblem(refill, 403, "forbidden");
});
