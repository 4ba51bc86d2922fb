import assert from "node:assert/strict";
import type { Passport } from "../passport/mod.ts";
import { Problem, type ProblemCode } from "../problem.ts";
import { hasRole, requireRole, requireUser } from "./route.ts";

function passport(claims: Partial<Passport>): Passport {
  return {
    pv: "0.1.0",
    iss: "i",
    aud: "a",
    iat: 0,
    exp: 1,
    jti: "j",
    txn: "4bf92f3577b34da6a3ce929d0e0e4736",
    sub: "anon",
    roles: [],
    scope: "",
    cfg: 0,
    ...claims,
  };
}

const learner = passport({ sub: "user:ann", userId: "ann", roles: ["learner"] });

Deno.test("requireUser and requireRole return the id of a person", () => {
  assert.equal(requireUser(learner).userId, "ann");
  assert.equal(requireRole(learner, "admin", "learner").userId, "ann");
});

const refused: Record<string, [Passport, ProblemCode, ProblemCode]> = {
  "an anonymous caller": [passport({}), "authentication_required", "authentication_required"],
  "an anonymous caller with a role": [
    passport({ roles: ["admin"] }),
    "authentication_required",
    "authentication_required",
  ],
  "a service with the role": [
    passport({ sub: "svc:course", roles: ["admin"] }),
    "forbidden",
    "forbidden",
  ],
};
for (const [who, [claims, asUser, asRole]] of Object.entries(refused)) {
  Deno.test(`requireUser and requireRole refuse ${who}`, () => {
    assert.throws(() => requireUser(claims), (error) => isProblem(error, asUser));
    assert.throws(() => requireRole(claims, "admin"), (error) => isProblem(error, asRole));
  });
}

for (const roles of [[], ["admin"], ["Learner"], ["learner "], ["learner,admin"]]) {
  Deno.test(`requireRole(${JSON.stringify(roles)}) refuses a learner`, () => {
    assert.throws(() => requireRole(learner, ...roles), (error) => isProblem(error, "forbidden"));
    assert.equal(hasRole(learner, ...roles), false);
  });
}

function isProblem(error: unknown, code: ProblemCode): boolean {
  return error instanceof Problem && error.code === code;
}
