import assert from "node:assert/strict";
import { type Passport, readSubject, type Subject } from "../passport/mod.ts";
import { Problem, type ProblemCode } from "../problem.ts";
import { hasRole, requireRole, requireSubject, requireUser } from "./route.ts";

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
  "a client with the role": [
    passport({ sub: "client:acme:ci", roles: ["admin"] }),
    "forbidden",
    "forbidden",
  ],
  "an API key with the role": [
    passport({ sub: "key:1", roles: ["admin"] }),
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

const subjects: Readonly<Record<string, Subject>> = {
  "anon": { kind: "anonymous" },
  "svc:course": { kind: "service", name: "course" },
  "user:42": { kind: "user", id: "42" },
  "user:acme:auth0|42": { kind: "user", id: "acme:auth0|42", issuer: "acme" },
  "user:acme:t-1:a:b": { kind: "user", id: "acme:t-1:a:b", issuer: "acme" },
  // An issuer whose alias is a kind's name makes no user a client.
  "user:client:acme:ci": { kind: "user", id: "client:acme:ci", issuer: "client" },
  "client:acme:ci": { kind: "client", id: "acme:ci", issuer: "acme" },
  "client:acme:t-1:ci": { kind: "client", id: "acme:t-1:ci", issuer: "acme" },
  "key:k_1": { kind: "key", id: "k_1" },
};
for (const [sub, subject] of Object.entries(subjects)) {
  Deno.test(`the subject ${sub} is read as ${subject.kind}, and required as that alone`, () => {
    assert.deepEqual(readSubject({ sub }), subject);
    const claims = passport({ sub });
    assert.deepEqual(requireSubject(claims, "service", subject.kind), subject);
    const others = Object.values(subjects).map(({ kind }) => kind)
      .filter((kind) => kind !== subject.kind);
    const code = subject.kind === "anonymous" ? "authentication_required" : "forbidden";
    assert.throws(() => requireSubject(claims, ...others), (error) => isProblem(error, code));
    assert.throws(() => requireSubject(claims), (error) => isProblem(error, code));
  });
}

function isProblem(error: unknown, code: ProblemCode): boolean {
  return error instanceof Problem && error.code === code;
}
