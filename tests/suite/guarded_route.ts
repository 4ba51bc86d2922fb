import assert from "node:assert/strict";
import { routes } from "@edgepass/app/routes";
import {
  bodyOf,
  isProtected,
  isUnsafe,
  type Operation,
  pathOf,
  rightful,
} from "./product_operations.ts";
import { each, expectRefusal } from "./product_refusals.ts";
import { claimsOf, unsignedToken } from "./product_tokens.ts";
import { logIn, outcomeOf, type Sent, type World } from "./product_world.ts";

/** What is asked of every operation, whichever it is. */
export type GuardedCase = (world: World, operations: readonly Operation[]) => Promise<void>;

const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A call that would succeed, but for the credentials that are not there yet. */
function callOf(operation: Operation, world: World): Sent & { readonly method: string } {
  const body = bodyOf(operation, world);
  return {
    method: operation.method,
    path: pathOf(operation, world),
    ...(body === undefined ? {} : { body }),
  };
}

/** The ways to show one token. */
function shown(token: string): Pick<Sent, "bearer" | "cookie">[] {
  return [{ bearer: token }, { cookie: `access_token=${token}` }];
}

/** Refuses one kind of token everywhere it is asked for, and takes it for none everywhere else. */
function refusesToken(
  code: string,
  make: (token: string, world: World) => string | Promise<string>,
): GuardedCase {
  return async function refusesToken(world, operations) {
    const bodies = new Set<string>();
    await each(operations.filter(isProtected), async (operation) => {
      const token = await make(rightful(operation, world).token, world);
      for (const credential of shown(token)) {
        const request = { ...callOf(operation, world), ...credential };
        bodies.add((await expectRefusal(world, request, code, operation.name)).bytes);
      }
    });
    assert.equal(bodies.size, 1, "the answer tells which operation or credential it was");
    await each(operations.filter((one) => !isProtected(one)), async (operation) => {
      const { method, path } = callOf(operation, world);
      const anonymous = await outcomeOf(world.send({ method, path }));
      const token = await make(world.teacher.token, world);
      for (const credential of shown(token)) {
        const outcome = await outcomeOf(world.send({ method, path, ...credential }));
        assert.equal(outcome, anonymous, operation.name);
      }
    });
  };
}

const crossSite: readonly Record<string, string>[] = [
  { origin: "https://evil.example" },
  { origin: "null" },
  { origin: "http://127.0.0.1:8787.evil.example" },
  { "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "same-site" },
];

/** Names under which a client could try to say who it is. */
const identityHeaders = [
  "X-Passport",
  "X-PASSPORT",
  "x_passport",
  "X-Passport-Token",
  "Txn-Token",
  "X-User-Id",
  "X_User_Roles",
  "X-Internal-User",
  "Remote-User",
  "X-Edgepass-Subject",
] as const;

export const guardedRoute: Readonly<Record<string, GuardedCase>> = {
  async "[T01] without a credential, only what is protected asks for one"(world, operations) {
    await each(operations.filter(isProtected), async (operation) => {
      const request = callOf(operation, world);
      await expectRefusal(world, request, "authentication_required", operation.name);
    });
    const open = operations.filter(({ method, rule }) =>
      method === "GET" && !isProtectedRule(rule)
    );
    await each(open, async (operation) => {
      assert.equal(await outcomeOf(world.send(callOf(operation, world))), "200", operation.name);
    });
  },

  "[T01] garbage is token_invalid": refusesToken("token_invalid", () => "garbage"),
  "[T01] nothing behind its name is token_invalid": refusesToken("token_invalid", () => ""),
  "[T02] an unsigned token is token_invalid": refusesToken("token_invalid", unsignedToken),
  "[T01] a foreign key under our kid is token_invalid": refusesToken(
    "token_invalid",
    (token, { mint }) => mint.forge(token),
  ),
  "[T06] a Passport is token_invalid": refusesToken(
    "token_invalid",
    (_token, { mint }) => mint.passport(),
  ),
  "[T08] another audience is token_invalid": refusesToken(
    "token_invalid",
    (token, { mint }) => mint.again(token, { aud: "https://evil.example" }),
  ),
  "[T07] an expired token is token_expired": refusesToken(
    "token_expired",
    (token, { mint }) => mint.again(token, { iat: nowSeconds() - 700, exp: nowSeconds() - 100 }),
  ),
  async "[T12] a revoked token is token_revoked"(world, operations) {
    const revoked = new Map<string, string>();
    for (const person of [world.admin, world.teacher, world.learner]) {
      const { token } = await logIn(world.send, person);
      const logout = { method: "POST", path: "/auth/logout", bearer: token };
      assert.equal(await outcomeOf(world.send(logout)), "204");
      revoked.set(person.token, token);
    }
    await refusesToken("token_revoked", (token) => revoked.get(token) ?? "")(world, operations);
  },

  async "[C03] more than one credential is ambiguous_credentials"(world, operations) {
    await each(operations.filter(isProtected), async (operation) => {
      const { token } = rightful(operation, world);
      const cookie = `access_token=${token}`;
      const ways: Partial<Sent>[] = [
        { cookie: `${cookie}; ${cookie}` },
        { cookie, bearer: token },
        { bearer: `${token}, Bearer ${token}` },
      ];
      for (const way of ways) {
        const request = { ...callOf(operation, world), ...way };
        await expectRefusal(world, request, "ambiguous_credentials", operation.name);
      }
    });
  },

  async "[I07] a person without the role is forbidden"(world, operations) {
    const restricted = operations.filter(({ rule }) => typeof rule !== "string");
    assert.ok(restricted.length > 8);
    await each(restricted, async (operation) => {
      const { token } = rightful(operation, world);
      const allowed = typeof operation.rule === "string" ? [] : operation.rule.roles;
      const others = ["learner", "instructor", "admin"].filter((role) => !allowed.includes(role));
      for (const roles of [[], others, allowed.map((role) => role.toUpperCase())]) {
        const bearer = await world.mint.again(token, { roles });
        const request = { ...callOf(operation, world), bearer };
        await expectRefusal(world, request, "forbidden", operation.name);
        if (!isUnsafe(operation)) continue;
        // The gateway itself refuses this body, and later than it looks at roles.
        const packed = { ...request, body: "{}", headers: { "content-encoding": "gzip" } };
        await expectRefusal(world, packed, "forbidden", operation.name);
      }
    });
  },

  async "[C04, C05] a page of another origin is csrf_rejected"(world, operations) {
    await each(operations.filter(isUnsafe), async (operation) => {
      const cookie = `access_token=${rightful(operation, world).token}`;
      for (const headers of crossSite) {
        const request = { ...callOf(operation, world), headers };
        await expectRefusal(world, request, "csrf_rejected", operation.name);
        const signedIn = { ...request, cookie };
        const { headers: answered } = await expectRefusal(
          world,
          signedIn,
          "csrf_rejected",
          operation.name,
        );
        assert.equal(answered.get("access-control-allow-origin"), null);
      }
    });
  },

  async "[C04] a bearer token that comes alone was sent on purpose"(world, operations) {
    await each(operations.filter(isUnsafe).filter(isProtected), async (operation) => {
      const request = {
        ...callOf(operation, world),
        bearer: "garbage",
        headers: crossSite[0] ?? {},
      };
      await expectRefusal(world, request, "token_invalid", operation.name);
    });
  },

  async "[C06] a method that an operation has not is method_not_allowed"(world, operations) {
    const known = ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"];
    await each(Object.entries(routes), async ([template, { access }]) => {
      const taken = Object.keys(access);
      const allow = [...taken, ...(taken.includes("GET") ? ["HEAD"] : [])].toSorted();
      const [operation] = operations.filter((one) => one.template === template);
      assert.ok(operation);
      for (const method of known.filter((one) => !taken.includes(one))) {
        const request = { method, path: pathOf(operation, world), bearer: world.admin.token };
        const { headers } = await expectRefusal(world, request, "method_not_allowed", template);
        assert.deepEqual(headers.get("allow")?.split(", ").toSorted(), allow, template);
      }
    });
    for (const path of ["/livez", "/readyz", "/openapi.json"]) {
      const { headers } = await expectRefusal(
        world,
        { method: "POST", path },
        "method_not_allowed",
        path,
      );
      assert.equal(headers.get("allow"), "GET, HEAD");
    }
  },

  async "[C06] nothing overrides the method"(world, operations) {
    await each(operations.filter(({ method }) => method === "DELETE"), async (operation) => {
      const { token } = rightful(operation, world);
      const path = `${pathOf(operation, world)}?_method=DELETE`;
      const headers = { "x-http-method-override": "DELETE", "x-method-override": "DELETE" };
      const outcome = await outcomeOf(world.send({ path, bearer: token, headers }));
      assert.ok(
        ["200", "405 method_not_allowed"].includes(outcome),
        `${operation.name}: ${outcome}`,
      );
    });
  },

  async "HEAD answers as GET does, without a body"(world, operations) {
    await each(operations.filter(({ method }) => method === "GET"), async (operation) => {
      const path = pathOf(operation, world);
      for (const bearer of [undefined, "garbage", rightful(operation, world).token]) {
        const credential = bearer === undefined ? {} : { bearer };
        const [get, head] = await Promise.all([
          world.send({ path, ...credential }),
          world.send({ method: "HEAD", path, ...credential }),
        ]);
        await get.body?.cancel();
        assert.equal(head.status, get.status, `${operation.name} ${bearer}`);
        assert.equal(await head.text(), "", operation.name);
        assert.match(head.headers.get("x-trace-id") ?? "", /^[0-9a-f]{32}$/);
      }
    });
  },

  async "[P01, H02] what a client says under an internal name has no effect"(world, operations) {
    const { admin, teacher, learner, mint, ids, send } = world;
    const { uv, sid } = claimsOf(admin.token);
    const forged = await mint.passport({ sub: `user:${admin.id}`, uv, sid });
    const headers = Object.fromEntries(identityHeaders.map((name) => [name, forged]));
    await each(operations.filter(isProtected), async (operation) => {
      const request = { ...callOf(operation, world), headers };
      await expectRefusal(world, request, "authentication_required", operation.name);
    });
    const [asTeacher, path] = [await mint.passport({ sub: `user:${teacher.id}` }), "/users/me"];
    await each(identityHeaders, async (name) => {
      const bearer = learner.token;
      const me = await (await send({ path, bearer, headers: { [name]: asTeacher } })).json();
      assert.equal(me.data.id, learner.id, name);
      for (const credential of [{}, { bearer }]) {
        const draft = { path: `/courses/${ids.draft}`, headers: { [name]: asTeacher } };
        await expectRefusal(world, { ...draft, ...credential }, "not_found", name);
      }
    });
  },

  async "[I07] internal routes are not behind the gateway"(world) {
    const { admin, mint } = world;
    const headers = { "x-passport": await mint.passport({ sub: "svc:gateway" }) };
    const paths = ["/accounts/me", `/accounts/${admin.id}`, "/revocations/refill", ""];
    for (const path of paths.flatMap((one) => [`/internal${one}`, `/auth/internal${one}`])) {
      for (const method of ["GET", "POST", "DELETE"]) {
        const request = { method, path, bearer: admin.token, headers };
        await expectRefusal(world, request, "not_found", path);
      }
    }
    await expectRefusal(
      world,
      { path: "/auth/../internal/accounts/me%2f" },
      "path_not_canonical",
      "",
    );
  },
};

function isProtectedRule(rule: Operation["rule"]): boolean {
  return rule !== "public" && rule !== "optional";
}
