import { initialGatewayValues, readConfig } from "@edgepass/shared/configuration";
import { encodeBase64Url } from "@edgepass/shared/crypto";
import assert from "node:assert/strict";
import * as z from "zod/mini";
import { reportKeys } from "./admin.ts";
import { passportSigningKeysSetting, readPassportSigningKeys } from "./signing_keys.ts";

const secret = encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
assert.ok("privateKey" in pair);
const { kty, crv, x, d } = await crypto.subtle.exportKey("jwk", pair.privateKey);
const schema = z.object({ PASSPORT_KEYS: passportSigningKeysSetting });
const { PASSPORT_KEYS } = readConfig(schema, {
  PASSPORT_KEYS: JSON.stringify([
    { kid: "s1", secret, state: "signing" },
    { kid: "a1", alg: "EdDSA", jwk: { kty, crv, x, d }, state: "published" },
  ]),
});
const keys = await readPassportSigningKeys(PASSPORT_KEYS);
const initial = initialGatewayValues({ logLevel: "info", passportTtlSeconds: 30 });

Deno.test("the key report has the public half of a pair, and nothing secret", () => {
  const report = reportKeys(keys, { version: 0, values: initial });
  assert.deepEqual(report.keys, [
    { kid: "s1", profile: "S", state: "signing", from: "own" },
    {
      kid: "a1",
      profile: "A",
      state: "published",
      from: "own",
      publicKey: { kid: "a1", kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", x },
    },
  ]);
  for (const hidden of [secret, d]) assert.ok(!JSON.stringify(report).includes(hidden ?? ""));
});

Deno.test("the key report has each key's current state and its source", () => {
  const values = { ...initial, keys: { passport: { s1: "retired", a1: "signing" } } } as const;
  assert.deepEqual(
    reportKeys(keys, { version: 7, values }).keys.map(({ kid, state, from }) => [kid, state, from]),
    [["s1", "retired", "central"], ["a1", "signing", "central"]],
  );
});
