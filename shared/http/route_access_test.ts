import assert from "node:assert/strict";
import { type RouteConfig, z } from "@hono/zod-openapi";
import { createPassports } from "../../tests/support/passports.ts";
import { createService } from "./create_service.ts";
import { jsonBody } from "./openapi.ts";
import { type Passport, readSubject, type Subject } from "../passport/mod.ts";
import { Problem, type ProblemCode } from "../problem.ts";
import { createServiceRuntime } from "./service_runtime.ts";
import {
  type Access,
  createRoute,
  hasRole,
  requireRole,
  requireSubject,
  requireUser,
} from "./route.ts";

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

const operation = { method: "get", responses: { 200: { description: "Done" } } } as const;
const forPeople = createRoute({ ...operation, path: "/people", access: "authenticated" });
const forBoth = createRoute({
  ...operation,
  path: "/both",
  access: { roles: ["admin"] },
  subjects: ["user", "client"],
});
const withRole = { pv: "0.1.1", roles: ["admin"] };
const callers: Readonly<Record<string, readonly [claims: object, people: number, both: number]>> = {
  "a person": [{ sub: "user:42", roles: ["admin"] }, 200, 200],
  "a person without the role": [{ sub: "user:42" }, 200, 403],
  "a client with the role": [{ ...withRole, sub: "client:acme:42" }, 403, 200],
  "a client without the role": [{ pv: "0.1.1", sub: "client:acme:42" }, 403, 403],
  "an API key with the role": [{ ...withRole, sub: "key:42" }, 403, 403],
  "a service with the role": [{ sub: "svc:course", roles: ["admin"] }, 403, 403],
  "an anonymous caller": [{ sub: "anon" }, 401, 401],
};
for (const [who, [claims, people, both]] of Object.entries(callers)) {
  Deno.test(`${who} gets ${people} of a route for people, ${both} of one for clients too`, async () => {
    const passports = createPassports();
    const runtime = createServiceRuntime(passports.bindings, { sink: () => {} });
    const app = createService({ name: "things", runtime });
    app.openapi(forPeople, (c) => c.json({ id: c.var.user.userId }));
    // @ts-expect-error: where programs may call there may be no user.
    app.openapi(forBoth, (c) => c.json({ id: c.var.user?.userId ?? null }));
    const ask = async (path: string) => {
      const headers = { "x-passport": await passports.sign(claims) };
      return await app.request(path, { headers });
    };
    const [one, other] = [await ask("/people"), await ask("/both")];
    assert.deepEqual([one.status, other.status], [people, both]);
    const id = claims === callers["a person"]?.[0] ? "42" : null;
    if (both === 200) assert.deepEqual(await other.json(), { id }, "and no client has a user's id");
  });
}

/** What a route declares → the codes that follow from it. */
type Declared = Pick<RouteConfig, "request"> & { readonly access: Access };
const implied: Record<string, [Declared, ProblemCode[]]> = {
  "a public route": [{ access: "public" }, []],
  "a route for people and others": [{ access: "optional" }, []],
  "a route for people": [{ access: "authenticated" }, ["authentication_required", "forbidden"]],
  "a route for a role": [{ access: { roles: ["admin"] } }, [
    "authentication_required",
    "forbidden",
  ]],
  "a query": [{ access: "public", request: { query: z.object({}) } }, ["validation_failed"]],
  "a body": [
    { access: "public", request: jsonBody(z.object({})) },
    ["malformed_json", "payload_too_large", "unsupported_media_type", "validation_failed"],
  ],
};
for (const [what, [declared, codes]] of Object.entries(implied)) {
  Deno.test(`the problems of ${what} are documented without being named`, () => {
    const route = createRoute({
      ...declared,
      method: "post",
      path: "/",
      responses: { 204: { description: "Done" } },
      problems: ["conflict"],
    });
    const documented = Object.values(route.responses).flatMap((response: object) =>
      "x-codes" in response ? response["x-codes"] : []
    );
    assert.deepEqual(documented.sort(), [...codes, "conflict"].sort());
    assert.ok("204" in route.responses && !("problems" in route));
  });
}

function isProblem(error: unknown, code: ProblemCode): boolean {
  return error instanceof Problem && error.code === code;
}
