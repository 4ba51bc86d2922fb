import assert from "node:assert/strict";
import {
  administrator,
  cheapCost,
  password,
  readClaims,
  setupAuth,
} from "../../tests/support/auth_service.ts";
import { expectJson, expectProblem, person } from "../../tests/support/services.ts";
import { portableArgon2id } from "./passwords/argon2.ts";
import { createPasswordHasher } from "./passwords/hasher.ts";
import { ManagedAccount, ManagedAccountList } from "./schema.ts";

const email = "learner@example.com";
const missingId = "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f";

Deno.test("POST /auth/signup creates a learner whose address is stored in its canonical form", async () => {
  await using auth = await setupAuth();
  const account = await auth.signUp("  Learner@EXAMPLE.com");
  assert.deepEqual(account, { id: account.id, email, roles: ["learner"] });
  const where = "WHERE email = 'learner@example.com'";
  const [row] = await auth.rows(`SELECT name, roles, uv, version, disabled FROM accounts ${where}`);
  assert.deepEqual(row, ["Demo Learner", '["learner"]', 1, 1, 0]);
});

Deno.test("a password is stored only as a PHC string of Argon2id", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  const dump = JSON.stringify(await auth.rows("SELECT * FROM accounts"));
  assert.match(dump, /\$argon2id\$v=19\$m=8,t=1,p=1\$/);
  assert.ok(!dump.includes(password));
});

const body = { email, password, name: "Demo Learner" };
const refused = {
  "a role": [{ ...body, roles: ["admin"] }, 422, "validation_failed", "roles"],
  "an id": [{ ...body, id: missingId }, 422, "validation_failed", "id"],
  "a verified mark": [
    { ...body, email_verified: true },
    422,
    "validation_failed",
    "email_verified",
  ],
  "no name": [{ email, password }, 422, "validation_failed", "name"],
  "a blank name": [{ ...body, name: "  " }, 422, "validation_failed", "name"],
  "a name with a line break": [{ ...body, name: "a\nb" }, 422, "validation_failed", "name"],
  "an address without @": [{ ...body, email: "learner" }, 422, "validation_failed", "email"],
  "two addresses": [
    { ...body, email: "a@b.example,c@d.example" },
    422,
    "validation_failed",
    "email",
  ],
  "an address of 300 characters": [
    { ...body, email: `a@${"b".repeat(300)}.example` },
    422,
    "validation_failed",
    "email",
  ],
  "seven characters": [{ ...body, password: "7 chars" }, 422, "validation_failed", "password"],
  "129 characters": [{ ...body, password: "ab".repeat(65) }, 422, "validation_failed", "password"],
  "1,025 bytes": [{ ...body, password: "é".repeat(513) }, 422, "validation_failed", "password"],
  "a well-known password": [
    { ...body, password: "PassWord1" },
    422,
    "validation_failed",
    "password",
  ],
  "one character repeated": [
    { ...body, password: "zzzzzzzzz" },
    422,
    "validation_failed",
    "password",
  ],
  "the address as password": [{ ...body, password: email }, 422, "validation_failed", "password"],
  "an address in use": [{ ...body, email: "ADMIN@example.com" }, 409, "email_taken", undefined],
  "broken JSON": ["{", 400, "malformed_json", undefined],
} as const;
for (const [what, [body, status, code, path]] of Object.entries(refused)) {
  Deno.test(`POST /auth/signup refuses ${what}`, async () => {
    await using auth = await setupAuth();
    await auth.app.start?.();
    const response = await auth.call("POST", "/auth/signup", { body });
    const { errors } = await response.clone().json();
    await expectProblem(response, status, code);
    if (path !== undefined) assert.equal(errors[0].path, path);
    assert.deepEqual(await auth.rows("SELECT count(*) FROM accounts"), [[1]]);
  });
}

Deno.test("POST /auth/signup without a JSON content type is 415", async () => {
  await using auth = await setupAuth();
  const headers = { "content-type": "text/plain" };
  await expectProblem(
    auth.call("POST", "/auth/signup", { body, headers }),
    415,
    "unsupported_media_type",
  );
});

Deno.test("passwords of 8 and 128 code points are accepted, whatever their length in bytes", async () => {
  await using auth = await setupAuth();
  const passwords = ["12 boats", "🙂🙃".repeat(64), "한국어 비밀번호 입니다"];
  for (const [at, password] of passwords.entries()) {
    const email = `learner${at}@example.com`;
    const response = await auth.call("POST", "/auth/signup", {
      body: { ...body, email, password },
    });
    assert.equal(response.status, 201, await response.text());
    await auth.tokens({ email, password });
  }
});

Deno.test("a password typed on another keyboard is the same password, and nothing is cut off", async () => {
  await using auth = await setupAuth();
  const composed = "caf\u00e9 au lait, please";
  const long = "x".repeat(127);
  for (const [email, password] of [["a@example.com", composed], ["b@example.com", `${long}y`]]) {
    const response = await auth.call("POST", "/auth/signup", {
      body: { ...body, email, password },
    });
    assert.equal(response.status, 201, await response.text());
  }
  await auth.tokens({ email: "a@example.com", password: composed.normalize("NFD") });
  await expectProblem(
    auth.call("POST", "/auth/login", { body: { email: "b@example.com", password: `${long}z` } }),
    401,
    "credentials_invalid",
  );
});

Deno.test("fifty parallel sign-ups for one address create one account with one hash, the others are 409", async () => {
  let hashes = 0;
  const passwords = createPasswordHasher({
    cost: cheapCost,
    argon2id: {
      ...portableArgon2id,
      derive: (input) => {
        hashes++;
        return portableArgon2id.derive(input);
      },
    },
  });
  await using auth = await setupAuth({ passwords, bindings: { ADMIN_EMAIL: "" } });
  const spellings = [email, "LEARNER@example.com", " learner@Example.com"];
  const responses = await Promise.all(
    Array.from(
      { length: 50 },
      (_, at) => auth.call("POST", "/auth/signup", { body: { ...body, email: spellings[at % 3] } }),
    ),
  );
  const codes = await Promise.all(
    responses.map(async (response) => (await response.json()).code),
  );
  assert.equal(codes.filter((code) => code === undefined).length, 1);
  assert.equal(codes.filter((code) => code === "email_taken").length, 49);
  assert.equal(hashes, 1);
  assert.deepEqual(await auth.rows("SELECT count(*) FROM accounts"), [[1]]);
  assert.deepEqual(await auth.rows("SELECT * FROM address_claims"), []);
});

Deno.test("parallel requests for the same change make it once", async () => {
  await using auth = await setupAuth();
  const { id } = await auth.signUp(email);
  const as = await auth.administrator();
  const responses = await Promise.all(
    Array.from(
      { length: 10 },
      () => auth.call("PUT", `/auth/accounts/${id}/roles`, { as, body: { roles: ["instructor"] } }),
    ),
  );
  for (const response of responses) await expectJson(response, 200, ManagedAccount);
  assert.deepEqual(await auth.rows("SELECT uv FROM accounts WHERE id = ?", id), [[2]]);
  assert.deepEqual(await auth.rows("SELECT count(*) FROM audit"), [[1]]);
});

Deno.test("the first administrator is created once, by start or before the first login", async () => {
  for (const starts of [true, false]) {
    await using auth = await setupAuth();
    if (starts) await auth.app.start?.();
    assert.deepEqual((await auth.administrator()).roles, ["admin"]);
    await auth.compose().start?.();
    assert.deepEqual(await auth.rows("SELECT count(*) FROM accounts"), [[1]]);
  }
});

Deno.test("an existing account with the administrator's address stays unchanged", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_PASSWORD: "" } });
  await auth.signUp(administrator.email);
  const again = await auth.compose();
  await again.start?.();
  const { roles } = readClaims((await auth.tokens({ email: administrator.email })).accessToken);
  assert.deepEqual(roles, ["learner"]);
});

Deno.test("GET /auth/accounts pages by id and finds part of address or name, beyond LIKE's length limit", async () => {
  await using auth = await setupAuth();
  const as = await auth.administrator();
  for (const name of ["anna", "bert", "carl"]) {
    auth.clock.advance(1);
    await auth.signUp(`${name}.${"x".repeat(55)}@example.com`);
  }
  const get = (query: string) =>
    expectJson(auth.call("GET", `/auth/accounts?${query}`, { as }), 200, ManagedAccountList);
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { items: ManagedAccount[]; nextCursor: string | null } = await get(
      `limit=2${cursor && `&cursor=${cursor}`}`,
    );
    assert.ok(page.items.length <= 2);
    seen.push(...page.items.map(({ email }) => email[0] ?? ""));
    cursor = page.nextCursor;
  }
  assert.deepEqual(seen, ["a", "a", "b", "c"]);
  assert.equal((await get(`q=BERT.${"x".repeat(55)}`)).items.length, 1);
  assert.equal((await get("q=demo%20learner")).items.length, 3);
  assert.deepEqual((await get("q=%25")).items, []);
  const [first] = (await get("q=admin@")).items;
  assert.deepEqual(Object.keys(first ?? {}).sort(), [
    "createdAt",
    "disabled",
    "email",
    "id",
    "name",
    "roles",
  ]);
});

const adminRoutes = [
  ["GET", "/auth/accounts", undefined],
  ["PUT", `/auth/accounts/${missingId}/roles`, { roles: ["admin"] }],
  ["POST", `/auth/accounts/${missingId}/disable`, undefined],
  ["POST", `/auth/accounts/${missingId}/enable`, undefined],
] as const;
for (const [method, path, body] of adminRoutes) {
  Deno.test(`${method} ${path} requires an administrator`, async () => {
    await using auth = await setupAuth();
    const call = (as?: Parameters<typeof auth.call>[2]) => auth.call(method, path, { body, ...as });
    await expectProblem(call(), 401, "authentication_required");
    const others = person(missingId, "learner", "instructor");
    await expectProblem(call({ as: others }), 403, "forbidden");
    await expectProblem(call({ as: { sub: "svc:course" } }), 403, "forbidden");
    if (method !== "GET") {
      await expectProblem(call({ as: person(missingId, "admin") }), 404, "not_found");
    }
    assert.deepEqual(await auth.rows("SELECT * FROM audit"), []);
  });
}

const roleRefusals = {
  "an unknown role": { roles: ["root"] },
  "no roles": {},
  "a text": { roles: "admin" },
  "an unknown field": { roles: [], uv: 1 },
} as const;
for (const [what, body] of Object.entries(roleRefusals)) {
  Deno.test(`PUT /auth/accounts/{id}/roles refuses ${what}`, async () => {
    await using auth = await setupAuth();
    const { id } = await auth.signUp(email);
    const as = await auth.administrator();
    const response = auth.call("PUT", `/auth/accounts/${id}/roles`, { as, body });
    await expectProblem(response, 422, "validation_failed");
  });
}

Deno.test("every change by an administrator writes an audit row and a log line; a request without effect writes none", async () => {
  await using auth = await setupAuth();
  const { id } = await auth.signUp(email);
  const as = await auth.administrator();
  const change = (method: string, verb: string, body?: unknown) => {
    auth.clock.advance(1);
    const response = auth.call(method, `/auth/accounts/${id}/${verb}`, { as, body });
    return expectJson(response, 200, ManagedAccount);
  };
  for (const _ of [1, 2]) await change("PUT", "roles", { roles: ["instructor"] });
  for (const _ of [1, 2]) await change("POST", "disable");
  for (const _ of [1, 2]) await change("POST", "enable");
  const whats = ["roles instructor", "disabled", "enabled"];
  assert.deepEqual(
    await auth.rows("SELECT actor_id, target_id, what FROM audit ORDER BY id"),
    whats.map((what) => [as.id, id, what]),
  );
  const lines = auth.log().filter(({ audit }) => audit !== undefined);
  assert.deepEqual(
    lines.map(({ audit, actorId, targetId }) => [audit, actorId, targetId]),
    whats.map((what) => [what, as.id, id]),
  );
  assert.deepEqual(await auth.rows("SELECT uv, version FROM accounts WHERE id = ?", id), [[4, 4]]);
});

const lastAdministrator = {
  "be demoted": ["PUT", "/roles", { roles: ["learner"] }],
  "be disabled": ["POST", "/disable", undefined],
  "close the account": ["DELETE", "", undefined],
} as const;
for (const [what, [method, path, body]] of Object.entries(lastAdministrator)) {
  Deno.test(`the last administrator cannot ${what}`, async () => {
    await using auth = await setupAuth();
    const as = await auth.administrator();
    const { id } = await auth.signUp(email);
    const url = method === "DELETE" ? "/internal/accounts/me" : `/auth/accounts/${as.id}${path}`;
    const attempt = () => auth.call(method, url, { as, body });
    await expectProblem(attempt(), 409, "conflict");
    assert.deepEqual(await auth.rows("SELECT uv FROM accounts WHERE id = ?", as.id), [[1]]);
    // A disabled administrator does not count, an enabled one does.
    const promote = { as, body: { roles: ["admin"] } };
    await expectJson(auth.call("PUT", `/auth/accounts/${id}/roles`, promote), 200, ManagedAccount);
    await auth.rows("UPDATE accounts SET disabled = 1 WHERE id = ?", id);
    await expectProblem(attempt(), 409, "conflict");
    await auth.rows("UPDATE accounts SET disabled = 0 WHERE id = ?", id);
    const response = await attempt();
    await response.body?.cancel();
    assert.ok(response.ok);
  });
}

Deno.test("two administrators who demote each other at once leave one administrator", async () => {
  await using auth = await setupAuth();
  const first = await auth.administrator();
  const { id } = await auth.signUp(email);
  await auth.rows(`UPDATE accounts SET roles = '["admin"]' WHERE id = ?`, id);
  const demote = (who: string) =>
    auth.call("PUT", `/auth/accounts/${who}/roles`, { as: first, body: { roles: [] } });
  const responses = await Promise.all([demote(id), demote(first.id)]);
  await Promise.all(responses.map((response) => response.body?.cancel()));
  assert.deepEqual(responses.map(({ status }) => status).sort(), [200, 409]);
});
