import assert from "node:assert/strict";
import { readExternalClaims } from "./external_claims.ts";
import type { AccessTokenIssuer } from "./issuer.ts";

/** What a row with these members reads of a token with these claims. */
function read(
  row: Partial<AccessTokenIssuer>,
  claims: Readonly<Record<string, unknown>>,
): unknown {
  const issuer: AccessTokenIssuer = {
    alias: "idp",
    iss: "https://idp.test",
    audience: ["api"],
    algorithms: ["RS256"],
    typ: ["JWT"],
    claims: {},
    maxLifeSeconds: 3600,
    maxTokenBytes: 4096,
    findKey: () => Promise.resolve(undefined),
    ...row,
  };
  const payload = { iss: issuer.iss, aud: "api", sub: "7", exp: 9, ...claims };
  const result = readExternalClaims(payload, { issuer });
  return typeof result === "string" ? result : result.roles;
}

/** Rule → the claim → what follows. */
const presences: readonly (readonly [boolean, object, unknown])[] = [
  [true, { jti: "1" }, []],
  [true, {}, "claim_missing:jti"],
  [true, { jti: null }, "claim_missing:jti"],
  [false, {}, []],
  [false, { jti: null }, []],
  [false, { jti: "1" }, "claim_invalid:jti"],
  [false, { jti: "" }, "claim_invalid:jti"],
  [false, { jti: false }, "claim_invalid:jti"],
];
for (const [present, claims, expected] of presences) {
  Deno.test(`require: a claim that must ${present ? "" : "not "}be there, as ${JSON.stringify(claims)}`, () => {
    assert.deepEqual(read({ require: { jti: { present } } }, { ...claims }), expected);
  });
}

/** The claim → the roles, where a row takes the names of its members. */
const members: readonly (readonly [unknown, unknown])[] = [
  [{ admin: { "1": "a.test" }, reader: {} }, ["admin", "reader"]],
  [{ admin: true, reader: false, editor: null }, ["admin"]],
  [{}, []],
  [undefined, []],
  [null, []],
  [["admin"], "claim_invalid:grants"],
  ["admin", "claim_invalid:grants"],
  [{ admin: "no" }, "claim_invalid:grants"],
  [{ admin: 0 }, "claim_invalid:grants"],
  [{ "": true }, "claim_invalid:grants"],
];
for (const [grants, expected] of members) {
  Deno.test(`roles: the names of ${JSON.stringify(grants)} are ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(
      read({ claims: { roles: { from: "grants", keys: true } } }, { grants }),
      expected,
    );
  });
}

Deno.test("roles: an object is no list where no row says so", () => {
  const grants = { admin: true };
  assert.equal(read({ claims: { roles: "grants" } }, { grants }), "claim_invalid:grants");
  assert.equal(read({ claims: { roles: { from: "grants" } } }, { grants }), "claim_invalid:grants");
});

Deno.test("roles: names of members are renamed, and kept, like those of a list", () => {
  const roles = { from: "grants", keys: true, map: { boss: "admin" }, keep: ["admin"] };
  assert.deepEqual(read({ claims: { roles } }, { grants: { boss: {}, reader: {} } }), ["admin"]);
});
