import assert from "node:assert/strict";
import { setupAuth } from "../tests/support/auth_service.ts";
import { expectJson } from "../tests/support/services.ts";
import { Configuration } from "./schema.ts";

const path = "/admin/configuration";

function publicKey(kid: string) {
  return { kid, kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", x: "A".repeat(43) };
}

/** Auth, which has one key of each kind, and the relevant part of the response to a document. */
async function setup() {
  const auth = await setupAuth();
  const admin = await auth.administrator();
  const kidOf = (json: string): string => JSON.parse(json)[0].kid;
  const put = async (document: object) => {
    const response = await auth.call("PUT", path, { as: admin, body: { document } });
    const { errors = [] } = await response.json();
    return [response.status, ...errors.map((error: { path: string }) => error.path)];
  };
  return {
    ...auth,
    admin,
    put,
    access: JSON.parse(auth.settings.ACCESS_TOKEN_KEYS).keys[0].kid as string,
    passport: kidOf(String(auth.passports.bindings.PASSPORT_KEYS)),
  };
}

Deno.test("a document that leaves no key to sign with is refused and changes nothing", async () => {
  await using auth = await setup();
  const { access, passport, put } = auth;
  const a1 = publicKey("a1");
  const ofAccess = [422, "document.keys.access"];
  const ofA = [422, "document.passport"];
  const ofS = [422, "document.keys.passport"];
  const table: [document: object, refused: (string | number)[]][] = [
    [{ keys: { access: { [access]: "revoked" } } }, ofAccess],
    [{ keys: { access: { [access]: "retired" } } }, ofAccess],
    [{ keys: { access: { [access]: "published" } } }, ofAccess],
    [{ passport: { send: "A", accept: ["A"] } }, ofA],
    [{ passport: { accept: ["A"] } }, ofA],
    [{ passport: { send: "shadow" } }, ofA],
    [{ passport: { sendByRoute: { "/users/me": "A" }, accept: ["S", "A"] } }, ofA],
    [{
      keys: { passport: { a1: "published" }, passportPublic: [a1] },
      passport: { send: "A", accept: ["S", "A"] },
    }, ofA],
    [{ keys: { passport: { [passport]: "revoked" } } }, ofS],
    [{ keys: { passport: { [passport]: "retired" } } }, ofS],
    [{
      keys: { passport: { [passport]: "retired", a1: "signing" }, passportPublic: [a1] },
      passport: { send: "shadow" },
    }, ofS],
  ];
  for (const [document, refused] of table) {
    assert.deepEqual(await put(document), refused, JSON.stringify(document));
  }
  const { version } = await expectJson(
    auth.call("GET", path, { as: auth.admin }),
    200,
    Configuration,
  );
  assert.equal(version, 0);
  assert.equal(await auth.redis.command("GET", "cfg"), null);
  assert.deepEqual(await auth.rows("SELECT id FROM revocations WHERE level = 'key'"), []);
});

Deno.test("a document that names a signing key is accepted", async () => {
  await using auth = await setup();
  const { passport, put } = auth;
  const a1 = publicKey("a1");
  const table: object[] = [
    { keys: { passport: { s0: "revoked" } } },
    { keys: { passport: { [passport]: "retired", s2: "signing" } } },
    { keys: { passportPublic: [a1] }, passport: { send: "shadow" } },
    {
      keys: { passport: { [passport]: "retired", a1: "signing" }, passportPublic: [a1] },
      passport: { send: "A", accept: ["S", "A"] },
    },
    {},
  ];
  for (const document of table) {
    assert.deepEqual(await put(document), [200], JSON.stringify(document));
  }
});
