import { type GatewayValues, readConfig } from "@edgepass/shared/configuration";
import { encodeBase64Url } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import assert from "node:assert/strict";
import { createSignPassport } from "./passport.ts";
import * as z from "zod/mini";
import {
  choosePassports,
  passportSigningKeysSetting,
  readPassportSigningKeys,
} from "./signing_keys.ts";

type State = "published" | "signing" | "retired";
const schema = z.object({ PASSPORT_KEYS: passportSigningKeysSetting });
const read = (keys: unknown) => readConfig(schema, { PASSPORT_KEYS: keys }).PASSPORT_KEYS;

function ofS(kid: string, state: State = "signing") {
  return { kid, secret: encodeBase64Url(crypto.getRandomValues(new Uint8Array(32))), state };
}

async function ofA(kid: string, state: State = "signing") {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  assert.ok("privateKey" in pair);
  const { kty, crv, x, d } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  return { kid, alg: "EdDSA", jwk: { kty, crv, x, d }, state };
}

const [a, b] = await Promise.all([ofA("a"), ofA("b")]);
const refused: Readonly<Record<string, readonly unknown[]>> = {
  "two signing keys of profile A": [ofS("s"), a, b],
  "no signing key": [{ ...a, state: "published" }],
  "none of profile S that signs": [ofS("s", "retired"), a],
  "one pair under two kids": [a, { ...a, kid: "c", state: "retired" }],
  "one kid of both profiles": [ofS("a"), a],
  "a secret and a pair in one": [{ ...ofS("a"), ...a }],
  "a pair without alg": [{ ...a, alg: undefined }],
  "a pair of another alg": [{ ...a, alg: "HS256" }],
  "a public half alone": [{ ...a, jwk: { ...a.jwk, d: undefined } }],
  "the kid of another jwk": [{ ...a, jwk: { ...a.jwk, kid: "b" } }],
  "the pair of RFC 8037": [{
    ...a,
    jwk: {
      ...a.jwk,
      x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
      d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    },
  }],
};
for (const [what, keys] of Object.entries(refused)) {
  Deno.test(`PASSPORT_KEYS of the gateway refuses ${what}, and the error does not contain it`, () => {
    assert.throws(() => read(JSON.stringify(keys)), (error: Error) => {
      assert.match(error.message, /PASSPORT_KEYS/);
      for (const { jwk } of [a, b]) assert.ok(!error.message.includes(jwk.d ?? ""));
      return true;
    });
  });
}

Deno.test("halves that do not belong together are refused", async () => {
  const mixed = { ...a, jwk: { ...a.jwk, x: b.jwk.x } };
  await assert.rejects(
    readPassportSigningKeys(read([mixed])),
    /PASSPORT_KEYS has a key whose halves/,
  );
});

const publicKeys = [a, b].map(({ kid, jwk: { x } }) => ({
  kid,
  kty: "OKP" as const,
  crv: "Ed25519" as const,
  alg: "EdDSA" as const,
  use: "sig" as const,
  x: x ?? "",
}));
const importAll = () =>
  readPassportSigningKeys(
    read([ofS("s1"), ofS("s2", "published"), a, { ...b, state: "published" }]),
  );
const values = (
  passport: GatewayValues["passport"] = {},
  keys: GatewayValues["keys"] = {},
) => ({ passport, keys: { passportPublic: publicKeys, ...keys } });
const kidsOf = ({ signingKeys: { S, A } }: ReturnType<typeof choosePassports>) => [S?.kid, A?.kid];

Deno.test("key states of the configuration override those of the environment", async () => {
  const keys = await importAll();
  const choose = (passport: GatewayValues["keys"]["passport"]) =>
    kidsOf(choosePassports(keys, values({}, { passport })));
  assert.deepEqual(choose({}), ["s1", "a"]);
  assert.deepEqual(choose({ s2: "signing", s1: "retired" }), ["s2", "a"]);
  assert.deepEqual(choose({ b: "signing" }), ["s1", "b"]);
  assert.deepEqual(choose({ a: "revoked" }), ["s1", undefined]);
});

Deno.test("the configuration chooses the profile that is sent on each route", async () => {
  const chosen = choosePassports(
    await importAll(),
    values({ send: "shadow", sendByRoute: { "/a": "A" }, accept: ["S", "A"] }),
  );
  const log = createLogger({ service: "test", sink: () => {} });
  const sign = createSignPassport({ issuer: "i", audience: "a", ...chosen }, { now: () => 0, log });
  const sentOn = async (route?: string) => {
    const { token, txnToken } = await sign("anonymous", "t", route);
    if (txnToken === undefined) return "S";
    return txnToken === token ? "A" : "shadow";
  };
  const sent = [await sentOn(), await sentOn("/a"), await sentOn("/b")];
  assert.deepEqual(sent, ["shadow", "A", "shadow"]);
});

Deno.test("a configuration whose Passports no key could sign or verify is refused", async () => {
  const keys = await importAll();
  const cases: readonly ReturnType<typeof values>[] = [
    values({ send: "A", accept: ["A"] }, { passportPublic: [] }),
    values({ send: "shadow" }, { passportPublic: publicKeys.slice(1) }),
    values({ sendByRoute: { "/a": "A" }, accept: ["S", "A"] }, { passportPublic: [] }),
    values({ send: "shadow" }, { passport: { a: "retired" } }),
    values({ send: "S" }, { passport: { s1: "revoked" } }),
  ];
  for (const one of cases) assert.throws(() => choosePassports(keys, one), RangeError);
});

Deno.test("a gateway without a key of profile S sends A", async () => {
  const { send } = choosePassports(await readPassportSigningKeys(read([a])), values());
  assert.equal(send, "A");
});
