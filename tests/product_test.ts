import assert from "node:assert/strict";
import { comparableResponses } from "./suite/product_alike.ts";
import { productDirect } from "./suite/product_direct.ts";
import { productRevocation } from "./suite/product_revocation.ts";
import { createEnvironment } from "./suite/product_environment.ts";
import { type Target, targets } from "./targets.ts";

Deno.test("the product behaves equally in every placement", async (t) => {
  const responses = new Map<string, readonly string[]>();
  for (const [placement, start] of Object.entries(targets)) {
    await t.step(placement, async (t) => {
      await using target = await start();
      const environment = await createEnvironment(target);
      await t.step("responses", async () => {
        responses.set(placement, await comparableResponses(environment));
      });
      await t.step("a user signs up, logs in and logs out", () => signUpAndOut(target));
      for (const [what, run] of Object.entries({ ...productDirect, ...productRevocation })) {
        await t.step(what, () => run(environment));
      }
    });
  }
  const [[reference, expected] = ["", []], ...others] = responses;
  assert.equal(others.length, Object.keys(targets).length - 1);
  for (const [placement, given] of others) {
    await t.step(`${placement} has the responses of ${reference}`, () => {
      for (const [at, response] of expected.entries()) assert.equal(given[at], response);
    });
  }
});

async function signUpAndOut(target: Target): Promise<void> {
  const credentials = { email: "visitor@example.test", password: "a long enough passphrase" };
  const signup = await post(target, "/auth/signup", { ...credentials, name: "Demo Visitor" });
  assert.equal(signup.status, 201);
  await signup.body?.cancel();

  const login = await post(target, "/auth/login", credentials);
  assert.equal(login.status, 200);
  await login.body?.cancel();
  const cookie = login.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");

  const me = await target.fetch("/users/me", { headers: { cookie } });
  const { success, data, traceId } = await me.json();
  assert.deepEqual([me.status, success, data.name], [200, true, "Demo Visitor"]);
  assert.equal(me.headers.get("x-trace-id"), traceId);

  const logout = await post(target, "/auth/logout", undefined, { cookie });
  assert.equal(logout.status, 204);
  const after = await target.fetch("/users/me", { headers: { cookie } });
  assert.equal(after.status, 401);
  assert.equal((await after.json()).error.code, "token_revoked");
}

function post(
  target: Pick<Target, "fetch">,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return target.fetch(path, {
    method: "POST",
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
