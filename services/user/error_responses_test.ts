import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import { expectProblem } from "../../tests/support/services.ts";
import { ann, bob, bobId, setupUser } from "../../tests/support/user_service.ts";

const refused = {
  "an id": { id: uuidv7() },
  "roles": { roles: ["admin"] },
  "an e-mail address": { email: "a@example.com" },
  "a verified e-mail address": { email_verified: true },
  "a time": { createdAt: "2026-03-01T09:30:00.000Z" },
  "a tombstone": { erasedAt: 1 },
  "a prototype": '{"__proto__":{"name":"x"}}',
  "no name": { name: null },
  "an empty name": { name: " " },
  "a name of two lines": { name: "a\nb" },
  "a name with half a surrogate pair": { name: "\udc00" },
  "a long name": { name: "x".repeat(101) },
  "a long headline": { headline: "x".repeat(121) },
  "a long bio": { bio: "x".repeat(2_001) },
  "a bio with NUL": { bio: "a\u0000" },
  "a number": { bio: 1 },
  "an http image": { avatarUrl: "http://images.example/a.png" },
  "a script": { avatarUrl: "javascript:alert(1)" },
  "data in an image's place": { avatarUrl: "data:image/png;base64,AAAA" },
  "a relative image": { avatarUrl: "/a.png" },
  "an image behind credentials": { avatarUrl: "https://a:b@images.example/" },
  "an image with a line break": { avatarUrl: "https://images.example/\na" },
  "a long image": { avatarUrl: `https://images.example/${"x".repeat(2_048)}` },
  "a locale that is none": { locale: "not a locale" },
  "a locale with an underscore": { locale: "pt_BR" },
  "a list": [],
} as const;
for (const [what, body] of Object.entries(refused)) {
  Deno.test(`PATCH /users/me refuses ${what}`, async () => {
    using platform = await setupUser();
    const before = await platform.readOwn();
    await expectProblem(
      platform.call("PATCH", "/users/me", { as: ann, body }),
      422,
      "validation_failed",
    );
    assert.deepEqual(await platform.readOwn(), before);
  });
}

const strangers = {
  "no Passport": [null, 401, "passport_required"],
  "an anonymous caller": [{ sub: "anon" }, 401, "authentication_required"],
  "a service": [{ sub: "svc:course" }, 403, "forbidden"],
} as const;
for (const [who, [as, status, code]] of Object.entries(strangers)) {
  Deno.test(`users are not visible to ${who}`, async () => {
    using platform = await setupUser();
    const { call, accounts, rows } = platform;
    for (
      const [method, path, body] of [
        ["GET", "/users/me"],
        ["PATCH", "/users/me", { name: 1 }],
        ["DELETE", "/users/me"],
        ["GET", `/users/${bobId}`],
      ] as const
    ) {
      await expectProblem(call(method, path, { as, body }), status, code);
    }
    assert.deepEqual([accounts.requests, await rows()], [[], []]);
  });
}

for (const id of ["none", "me2", "%2e%2e", "anon", "0", bobId.slice(1)]) {
  Deno.test(`GET /users/${id} is 404 without a call to auth`, async () => {
    using platform = await setupUser();
    await expectProblem(platform.call("GET", `/users/${id}`, { as: ann }), 404, "not_found");
    assert.deepEqual(platform.accounts.requests, []);
  });
}

const faults = {
  "is down": [
    () => {
      throw new TypeError("connection refused");
    },
    503,
    "upstream_unavailable",
  ],
  "fails": [() => new Response("no", { status: 500 }), 502, "upstream_bad_response"],
  "has no store": [() => new Response("no", { status: 503 }), 503, "upstream_unavailable"],
  "returns no JSON": [() => new Response("<p>"), 502, "upstream_bad_response"],
  "returns another document": [() => Response.json([]), 502, "upstream_bad_response"],
  "returns another account": [
    () => Response.json({ id: uuidv7(), name: "Eve" }),
    502,
    "upstream_bad_response",
  ],
  "redirects": [
    () => new Response(null, { status: 302, headers: { location: "/" } }),
    502,
    "upstream_bad_response",
  ],
  "refuses the Passport": [
    () => Response.json({ code: "passport_invalid" }, { status: 401 }),
    502,
    "upstream_bad_response",
  ],
} as const;
for (const [what, [respond, status, code]] of Object.entries(faults)) {
  Deno.test(`no profile is created or closed while auth ${what}`, async () => {
    using platform = await setupUser();
    const { call, fault, rows } = platform;
    fault.answer = respond;
    for (
      const [method, path, body] of [
        ["GET", "/users/me"],
        ["PATCH", "/users/me", { name: "x" }],
        ["DELETE", "/users/me"],
        ["GET", `/users/${bobId}`],
      ] as const
    ) {
      await expectProblem(call(method, path, { as: bob, body }), status, code);
    }
    assert.deepEqual(await rows(), []);
  });
}

Deno.test("the last administrator's account stays, and its profile", async () => {
  using platform = await setupUser();
  const profile = await platform.readOwn();
  platform.fault.answer = ({ method }) =>
    method === "DELETE" ? new Response("no", { status: 409 }) : undefined;
  await expectProblem(platform.call("DELETE", "/users/me", { as: ann }), 409, "conflict");
  assert.deepEqual(await platform.readOwn(), profile);
});

Deno.test("user is ready while its database is", async () => {
  using platform = await setupUser();
  assert.equal((await platform.call("GET", "/readyz", { as: null })).status, 200);
  platform.database.close();
  assert.equal((await platform.call("GET", "/readyz", { as: null })).status, 503);
  await expectProblem(platform.call("GET", "/users/me", { as: ann }), 503, "store_unavailable");
});
