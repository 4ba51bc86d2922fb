import assert from "node:assert/strict";
import { retirementSeconds } from "@edgepass/shared/configuration";
import {
  administrator,
  asCaller,
  makeAccessTokenKeys,
  setupAuth,
} from "../tests/support/auth_service.ts";
import { expectJson, expectProblem } from "../tests/support/services.ts";
import { Configuration, ConfigurationHistory } from "./schema.ts";
import { JwkSet } from "../services/auth/schema.ts";

const path = "/admin/configuration";

/** Auth with a signing key and a next one. */
async function setup(options: { again?: () => Promise<string> } = {}) {
  const text = await makeAccessTokenKeys();
  const [now, next] = JSON.parse(text).keys as { kid: string }[];
  assert.ok(now && next);
  const auth = await setupAuth({
    bindings: {
      ACCESS_TOKEN_KEYS: text,
      ...(options.again ? { ACCESS_TOKEN_KEYS_RELOAD: options.again } : {}),
    },
  });
  let admin = await auth.administrator();
  const put = (document: object) => auth.call("PUT", path, { as: admin, body: { document } });
  const kids = async () =>
    (await expectJson(auth.call("GET", "/.well-known/jwks.json"), 200, JwkSet)).keys
      .map(({ kid }) => kid);
  const advance = async (seconds: number) => {
    auth.clock.advance(seconds * 1000);
    admin = asCaller(await auth.tokens(administrator));
  };
  const read = () => expectJson(auth.call("GET", path, { as: admin }), 200, Configuration);
  const history = () =>
    expectJson(auth.call("GET", `${path}/history`, { as: admin }), 200, ConfigurationHistory);
  return { ...auth, text, now: now.kid, next: next.kid, put, kids, advance, read, history };
}

Deno.test("a retired key is revoked once all its tokens have expired, and not before", async () => {
  await using auth = await setup();
  const { now, next } = auth;
  const keys = {
    access: { [now]: "retired", [next]: "signing" },
    passport: { p0: "retired" },
  };
  await expectJson(auth.put({ gateway: { logLevel: "debug" }, keys }), 200, Configuration);
  const [ofAccess, ofPassport] = [retirementSeconds("access", 5), retirementSeconds("passport", 5)];
  assert.deepEqual([ofAccess, ofPassport], [965, 365]);

  await auth.advance(ofPassport - 1);
  await auth.app.maintain?.();
  assert.equal((await auth.read()).version, 1);
  await auth.advance(1);
  await auth.app.maintain?.();
  const passportOver = await auth.read();
  assert.deepEqual(passportOver.document, {
    gateway: { logLevel: "debug" },
    keys: { ...keys, passport: { p0: "revoked" } },
  });

  await auth.advance(ofAccess - ofPassport - 1);
  await auth.app.maintain?.();
  assert.deepEqual(await auth.kids(), [now, next]);
  await auth.advance(1);
  const others = [auth.compose(), auth.compose()];
  await Promise.all([auth.app, ...others].map((app) => app.maintain?.()));
  const { version, document } = await auth.read();
  assert.equal(version, 3, "several instances make one version");
  assert.deepEqual(document.keys, {
    access: { [now]: "revoked", [next]: "signing" },
    passport: { p0: "revoked" },
  });
  assert.deepEqual(await auth.kids(), [next]);
  assert.equal(await auth.redis.command("GET", `rv:k:${now}`), "1");
  const [last] = (await auth.history()).items;
  assert.deepEqual([last?.changedBy, last?.comment], [
    "svc:auth",
    `Retired for long enough: ${now}`,
  ]);
  await auth.app.maintain?.();
  assert.equal((await auth.read()).version, 3);
});

Deno.test("a key that is retired again waits its full time again", async () => {
  await using auth = await setup();
  const { now, next, put } = auth;
  await expectJson(
    put({ keys: { access: { [now]: "retired", [next]: "signing" } } }),
    200,
    Configuration,
  );
  await auth.advance(900);
  await expectJson(
    put({ keys: { access: { [now]: "signing", [next]: "retired" } } }),
    200,
    Configuration,
  );
  await auth.advance(100);
  await expectJson(
    put({ keys: { access: { [now]: "retired", [next]: "signing" } } }),
    200,
    Configuration,
  );
  await auth.advance(900);
  await auth.app.maintain?.();
  assert.equal((await auth.read()).version, 3);
});

for (const kind of ["access", "passport"] as const) {
  Deno.test(`a revoked ${kind} key signs again only after it was published`, async () => {
    await using auth = await setup();
    const { now, next, put } = auth;
    const states = (state: string) => ({
      keys: {
        [kind]: state === "signing" ? { [next]: state } : { [now]: "signing", [next]: state },
      },
    });
    await expectJson(put(states("revoked")), 200, Configuration);
    const response = await put(states("signing"));
    const { code, errors } = await response.json();
    assert.deepEqual([response.status, code, errors], [422, "validation_failed", [{
      path: `document.keys.${kind}.${next}`,
      message: "was revoked and cannot sign in one step: publish it first, then let it sign",
    }]]);
    assert.equal((await auth.read()).version, 1);
    await expectJson(put(states("published")), 200, Configuration);
    await expectJson(put(states("signing")), 200, Configuration);
  });
}

Deno.test("a key added to a file is published by the maintenance, or with the version that names it", async () => {
  let file = "";
  await using auth = await setup({ again: () => Promise.resolve(file) });
  const { now, next } = auth;
  const later = JSON.parse(await makeAccessTokenKeys(["signing", "published"])).keys;
  const own = JSON.parse(auth.text).keys;
  const [third, fourth] = later.map(({ kid }: { kid: string }) => kid);

  file = "not JSON, and as secret as a key";
  await auth.app.maintain?.();
  assert.deepEqual(await auth.kids(), [now, next]);
  assert.ok(!auth.lines.join("").includes("as secret"));
  assert.ok(auth.log().some(({ message }) => /could not be reloaded/.test(String(message))));

  // A key that is added later signs by the configuration's choice alone, whatever its file says.
  const [first, ...rest] = own;
  file = JSON.stringify({ keys: [{ ...first, state: "retired" }, ...rest, later[0]] });
  await auth.app.maintain?.();
  assert.deepEqual(await auth.kids(), [now, next, third]);
  const header = async () => {
    const [head = ""] = (await auth.tokens(administrator)).accessToken.split(".");
    return JSON.parse(atob(head)).kid;
  };
  await expectProblem(
    auth.put({ keys: { access: { [now]: "retired" } } }),
    422,
    "validation_failed",
  );
  assert.equal(await header(), now, "a version by which no key signs does not get in force");

  file = JSON.stringify({ keys: [...own, later[1]] });
  await expectJson(auth.put({ keys: { access: { [fourth]: "signing" } } }), 200, Configuration);
  assert.deepEqual(await auth.kids(), [now, next, third, fourth]);
  assert.equal(await header(), fourth);
});
