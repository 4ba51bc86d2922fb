import assert from "node:assert/strict";
import {
  bodyOf,
  isProtected,
  isUnsafe,
  type Operation,
  pathOf,
  rightful,
} from "./product_operations.ts";
import { each, expectRefusal } from "./product_error_responses.ts";
import { unsignedToken } from "./product_tokens.ts";
import { type Environment, logIn, outcomeOf, type Sent } from "./product_environment.ts";

/** A check on every operation. */
export type GuardedCase = (
  environment: Environment,
  operations: readonly Operation[],
) => Promise<void>;

const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A call that would succeed, except that it has no credentials yet. */
export function callOf(
  operation: Operation,
  environment: Environment,
): Sent & { readonly method: string } {
  const body = bodyOf(operation, environment);
  return {
    method: operation.method,
    path: pathOf(operation, environment),
    ...(body === undefined ? {} : { body }),
  };
}

/** The ways to present one token. */
function shown(token: string): Pick<Sent, "bearer" | "cookie">[] {
  return [{ bearer: token }, { cookie: `access_token=${token}` }];
}

/** A protected operation refuses this kind of token; a public operation ignores it. */
function refusesToken(
  code: string,
  make: (token: string, environment: Environment) => string | Promise<string>,
): GuardedCase {
  return async function refusesToken(environment, operations) {
    const bodies = new Set<string>();
    await each(operations.filter(isProtected), async (operation) => {
      const token = await make(rightful(operation, environment).token, environment);
      for (const credential of shown(token)) {
        const request = { ...callOf(operation, environment), ...credential };
        bodies.add((await expectRefusal(environment, request, code, operation.name)).bytes);
      }
    });
    assert.equal(bodies.size, 1, "the response reveals the operation or the credential");
    await each(operations.filter((one) => !isProtected(one)), async (operation) => {
      const { method, path } = callOf(operation, environment);
      const anonymous = await outcomeOf(environment.send({ method, path }));
      const token = await make(environment.teacher.token, environment);
      for (const credential of shown(token)) {
        const outcome = await outcomeOf(environment.send({ method, path, ...credential }));
        assert.equal(outcome, anonymous, operation.name);
      }
    });
  };
}

export const guardedRoute: Readonly<Record<string, GuardedCase>> = {
  async "[T01] without a credential, exactly the protected operations refuse"(
    environment,
    operations,
  ) {
    await each(operations.filter(isProtected), async (operation) => {
      const request = callOf(operation, environment);
      await expectRefusal(environment, request, "authentication_required", operation.name);
    });
    const open = operations.filter(({ method, rule }) =>
      method === "GET" && !isProtectedRule(rule)
    );
    await each(open, async (operation) => {
      assert.equal(
        await outcomeOf(environment.send(callOf(operation, environment))),
        "200",
        operation.name,
      );
    });
  },

  "[T01] garbage is token_invalid": refusesToken("token_invalid", () => "garbage"),
  "[T01] an empty token is token_invalid": refusesToken("token_invalid", () => ""),
  "[T02] an unsigned token is token_invalid": refusesToken("token_invalid", unsignedToken),
  "[T01] another key under our kid is token_invalid": refusesToken(
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
  async "[T12] a revoked token is token_revoked"(environment, operations) {
    const revoked = new Map<string, string>();
    for (const person of [environment.admin, environment.teacher, environment.learner]) {
      const { token } = await logIn(environment.send, person);
      const logout = { method: "POST", path: "/auth/logout", bearer: token };
      assert.equal(await outcomeOf(environment.send(logout)), "204");
      revoked.set(person.token, token);
    }
    await refusesToken("token_revoked", (token) => revoked.get(token) ?? "")(
      environment,
      operations,
    );
  },

  async "[C03] more than one credential is ambiguous_credentials"(environment, operations) {
    await each(operations.filter(isProtected), async (operation) => {
      const { token } = rightful(operation, environment);
      const cookie = `access_token=${token}`;
      const ways: Partial<Sent>[] = [
        { cookie: `${cookie}; ${cookie}` },
        { cookie, bearer: token },
        { bearer: `${token}, Bearer ${token}` },
      ];
      for (const way of ways) {
        const request = { ...callOf(operation, environment), ...way };
        await expectRefusal(environment, request, "ambiguous_credentials", operation.name);
      }
    });
  },

  async "[I07] a person without the role is forbidden"(environment, operations) {
    const restricted = operations.filter(({ rule }) => typeof rule !== "string");
    assert.ok(restricted.length > 8);
    await each(restricted, async (operation) => {
      const { token } = rightful(operation, environment);
      const allowed = typeof operation.rule === "string" ? [] : operation.rule.roles;
      const others = ["learner", "instructor", "admin"].filter((role) => !allowed.includes(role));
      for (const roles of [[], others, allowed.map((role) => role.toUpperCase())]) {
        const bearer = await environment.mint.again(token, { roles });
        const request = { ...callOf(operation, environment), bearer };
        await expectRefusal(environment, request, "forbidden", operation.name);
        if (!isUnsafe(operation)) continue;
        // The gateway itself refuses this body, and after its check of roles.
        const packed = { ...request, body: "{}", headers: { "content-encoding": "gzip" } };
        await expectRefusal(environment, packed, "forbidden", operation.name);
      }
    });
  },
};

function isProtectedRule(rule: Operation["rule"]): boolean {
  return rule !== "public" && rule !== "optional";
}
