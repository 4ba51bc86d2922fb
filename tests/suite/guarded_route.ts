import assert from "node:assert/strict";
import {
  bodyOf,
  isProtected,
  isUnsafe,
  type Operation,
  pathOf,
  rightful,
} from "./product_operations.ts";
import { each, expectRefusal } from "./product_refusals.ts";
import { unsignedToken } from "./product_tokens.ts";
import { logIn, outcomeOf, type Sent, type World } from "./product_world.ts";

/** What is asked of every operation, whichever it is. */
export type GuardedCase = (world: World, operations: readonly Operation[]) => Promise<void>;

const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A call that would succeed, but for the credentials that are not there yet. */
export function callOf(operation: Operation, world: World): Sent & { readonly method: string } {
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
};

function isProtectedRule(rule: Operation["rule"]): boolean {
  return rule !== "public" && rule !== "optional";
}
