import assert from "node:assert/strict";
import * as z from "zod/mini";
import { readConfig } from "../composition/settings.ts";
import { encodeBase64Url } from "../crypto/mod.ts";
import {
  createPassportRing,
  passportKeysSetting,
  passportRingSetting,
  readPassportKeys,
  withoutPrivateKeys,
} from "./keys.ts";

const secret = () => encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
const schema = z.object({ PASSPORT_KEYS: passportKeysSetting });
const read = (value: unknown) => readConfig(schema, { PASSPORT_KEYS: value }).PASSPORT_KEYS;

Deno.test("every key of the ring can only verify, and one separate key signs [P08]", async () => {
  const setting = read(JSON.stringify([
    { kid: "a", secret: secret(), state: "retired" },
    { kid: "b", secret: secret(), state: "signing" },
    { kid: "c", secret: secret(), state: "published" },
  ]));
  const { ring, signing } = await readPassportKeys(setting);
  assert.deepEqual([...ring.keys()], ["a", "b", "c"]);
  for (const { kid, alg, key } of ring.values()) {
    assert.equal(ring.get(kid)?.key, key);
    assert.equal(alg, "HS256");
    assert.deepEqual(key.usages, ["verify"]);
    assert.equal(key.extractable, false);
  }
  assert.equal(signing.kid, "b");
  assert.deepEqual(signing.key.usages, ["sign"]);
});

Deno.test("readPassportKeys refuses a ring without a signing key", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const setting = [{ kid: "a", secret: bytes, state: "retired" as const }];
  await assert.rejects(readPassportKeys(setting), TypeError);
});

const jwk = { kty: "OKP", crv: "Ed25519", x: secret(), d: secret() };
const privateKey = { kid: "p", alg: "EdDSA", jwk, state: "signing" };

Deno.test("a verifier with a private key does not start, and the error names the variable", () => {
  const ring = z.object({ PASSPORT_KEYS: passportRingSetting });
  for (const entry of [privateKey, { kid: "p", ...jwk, state: "signing" }]) {
    const keys = [{ kid: "a", secret: secret(), state: "signing" }, entry];
    assert.throws(
      () => readConfig(ring, { PASSPORT_KEYS: JSON.stringify(keys) }),
      (error: Error) =>
        /PASSPORT_KEYS: must not have a private key/.test(error.message) &&
        !error.message.includes(jwk.d),
    );
  }
});

Deno.test("a verifier may have an empty ring once profile S is retired", () => {
  const ring = z.object({ PASSPORT_KEYS: passportRingSetting });
  assert.deepEqual(readConfig(ring, { PASSPORT_KEYS: "[]" }).PASSPORT_KEYS, []);
  assert.throws(() => readConfig(ring, {}), /PASSPORT_KEYS is missing/);
});

Deno.test("services in the gateway's isolate get its keys without the private ones", () => {
  const shared = { kid: "a", secret: secret(), state: "signing" };
  const given = { OTHER: "1", PASSPORT_KEYS: JSON.stringify([shared, privateKey]) };
  const { PASSPORT_KEYS, ...others } = withoutPrivateKeys(given);
  assert.deepEqual([JSON.parse(String(PASSPORT_KEYS)), others], [[shared], { OTHER: "1" }]);
  for (const as of [{}, { PASSPORT_KEYS: "[" }, { PASSPORT_KEYS: JSON.stringify([shared]) }]) {
    assert.equal(withoutPrivateKeys(as), as);
  }
});

const same = secret();
const refused: Readonly<Record<string, readonly [value: unknown, message: RegExp]>> = {
  "nothing": [undefined, /PASSPORT_KEYS is missing/],
  "an empty text": ["", /PASSPORT_KEYS is missing/],
  "no JSON": ["[", /must be JSON/],
  "an empty ring": ["[]", /must not be empty/],
  "an object": ["{}", /must be of type array/],
  "a short secret": [
    [{ kid: "a", secret: encodeBase64Url(new Uint8Array(31).fill(9)), state: "signing" }],
    /at least 32 random bytes/,
  ],
  "a patterned secret": [
    [{ kid: "a", secret: encodeBase64Url(new Uint8Array(32)), state: "signing" }],
    /no well-known or patterned/,
  ],
  "a secret that is no text": [[{ kid: "a", secret: 1, state: "signing" }], /0\.secret/],
  "no signing key": [[{ kid: "a", secret: secret(), state: "retired" }], /exactly one key/],
  "two signing keys": [
    ["a", "b"].map((kid) => ({ kid, secret: secret(), state: "signing" })),
    /exactly one key/,
  ],
  "a kid twice": [
    ["signing", "retired"].map((state) => ({ kid: "a", secret: secret(), state })),
    /a kid twice/,
  ],
  "a secret twice": [
    [{ kid: "a", secret: same, state: "signing" }, { kid: "b", secret: same, state: "retired" }],
    /a secret twice/,
  ],
  "an unknown state": [[{ kid: "a", secret: secret(), state: "current" }], /0\.state/],
  "an odd kid": [[{ kid: "a b", secret: secret(), state: "signing" }], /0\.kid/],
  "an unknown member": [
    [{ kid: "a", secret: secret(), state: "signing", alg: "none" }],
    /0\.alg\): unknown key/,
  ],
};
for (const [what, [value, message]] of Object.entries(refused)) {
  Deno.test(`PASSPORT_KEYS refuses ${what} without showing a secret [P09]`, () => {
    const text = typeof value === "object" ? JSON.stringify(value) : value;
    for (const given of [text, value]) {
      assert.throws(() => read(given), (error: Error) => {
        assert.match(error.message, message);
        for (const [hidden] of JSON.stringify(value ?? "").matchAll(/[\w-]{20,}/g)) {
          assert.ok(!error.message.includes(hidden));
        }
        return true;
      });
    }
  });
}

Deno.test("a ring adds the new keys of its file, quotes no other content, and removes none", async () => {
  const entry = (kid: string, state: string) => ({
    kid,
    secret: encodeBase64Url(crypto.getRandomValues(new Uint8Array(32))),
    state,
  });
  const [p1, p2] = [entry("p1", "signing"), entry("p2", "published")];
  const { PASSPORT_KEYS } = readConfig(z.object({ PASSPORT_KEYS: passportRingSetting }), {
    PASSPORT_KEYS: JSON.stringify([p1]),
  });
  let text = JSON.stringify([p1, p2]);
  const ring = createPassportRing(PASSPORT_KEYS, () => Promise.resolve(text));
  assert.deepEqual([...(await ring.keys()).keys()], ["p1"]);
  await ring.reload();
  assert.deepEqual([ring.has("p2"), [...(await ring.keys()).keys()]], [true, ["p1", "p2"]]);
  for (
    const bad of ["marker", JSON.stringify([{ kid: "a", alg: "EdDSA", jwk: { d: "marker" } }])]
  ) {
    text = bad;
    await assert.rejects(ring.reload(), (error: Error) => !error.message.includes("marker"));
  }
  text = JSON.stringify([p1]);
  await ring.reload();
  assert.equal((await ring.keys()).size, 2);
});

Deno.test("services in the gateway's isolate get the key file without the private keys too", async () => {
  const PASSPORT_KEYS_RELOAD = () =>
    Promise.resolve('[{"kid":"p1"},{"kid":"a1","alg":"EdDSA","jwk":{"d":"x"}}]');
  const own = withoutPrivateKeys({ PASSPORT_KEYS: "[]", PASSPORT_KEYS_RELOAD });
  assert.ok(typeof own.PASSPORT_KEYS_RELOAD === "function");
  assert.equal(await own.PASSPORT_KEYS_RELOAD(), '[{"kid":"p1"}]');
});
