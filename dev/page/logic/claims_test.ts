import assert from "node:assert/strict";
import { toClaims, toLife } from "./claims.ts";

const iat = 1_700_000_000;
const claims = {
  custom: { a: 1 },
  exp: iat + 30,
  iat,
  roles: ["learner", "instructor"],
  scope: "",
  sub: "anon",
  uv: 3,
};

Deno.test("claims are shown in reading order, unknown ones last", () => {
  const shown = toClaims(claims, iat * 1000);
  const names = shown.map(({ name }) => name);
  assert.deepEqual(names, ["sub", "roles", "scope", "iat", "exp", "uv", "custom"]);
  const values = Object.fromEntries(shown.map(({ name, value }) => [name, value]));
  assert.equal(values.roles, "learner, instructor");
  assert.equal(values.scope, "none");
  assert.equal(values.custom, '{"a":1}');
  assert.match(values.exp ?? "", /\(in 30 s\)$/);
});

Deno.test("a Passport's lifetime is shown in all and from now on", () => {
  assert.equal(toLife(claims, (iat + 12) * 1000), "Valid for 30 s, 18 s left");
  assert.equal(toLife(claims, (iat + 90) * 1000), "Valid for 30 s, expired 1 min ago");
  assert.equal(toLife({ iat }, 0), undefined);
});
