import assert from "node:assert/strict";
import * as jose from "jose";
import { readJws, type SigningKey } from "../crypto/mod.ts";
import { AccessTokenClaims, signAccessToken } from "./access_token.ts";

const claims = {
  iss: "https://auth.test",
  aud: "https://api.test",
  sub: "u-1",
  iat: 1_800_000_000,
  exp: 1_800_000_900,
  jti: "j",
  sid: "s",
  uv: 1,
  roles: [],
  scope: "",
};

async function setup() {
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Expected a key pair");
  const key: SigningKey = { kid: "k", alg: "EdDSA", key: pair.privateKey };
  return { key, publicKey: pair.publicKey };
}

Deno.test("signAccessToken writes a header of three members and claims that jose reads [RFC 9068 §2]", async () => {
  const { key, publicKey } = await setup();
  const token = await signAccessToken(claims, key);
  assert.deepEqual(readJws(token, 4096)?.header, { alg: "EdDSA", typ: "at+jwt", kid: "k" });
  const read = await jose.jwtVerify(token, publicKey, {
    issuer: claims.iss,
    audience: claims.aud,
    typ: "at+jwt",
    algorithms: ["EdDSA"],
    currentDate: new Date(claims.iat * 1000),
  });
  assert.deepEqual(read.payload, claims);
});

Deno.test("signAccessToken writes no claim outside of its schema", async () => {
  const { key } = await setup();
  const token = await signAccessToken({ ...claims, ...{ email: "a@b.test" } }, key);
  assert.deepEqual(jose.decodeJwt(token), claims);
});

Deno.test("signAccessToken refuses a life over 900 seconds", async () => {
  const { key } = await setup();
  await assert.rejects(signAccessToken({ ...claims, exp: claims.iat + 901 }, key), RangeError);
});

Deno.test("signAccessToken refuses a token too big for a cookie of 4096 bytes", async () => {
  const { key } = await setup();
  const base = await signAccessToken(claims, key);
  const room = 3584 - base.length;
  const fits = await signAccessToken(
    { ...claims, scope: "a".repeat(Math.floor(room * 3 / 4)) },
    key,
  )
    .catch(() => "");
  assert.ok(fits === "" || fits.length <= 3584);
  const roles = Array.from({ length: 64 }, () => "r".repeat(60));
  await assert.rejects(signAccessToken({ ...claims, roles }, key), RangeError);
  const full = Array.from({ length: 1 }, () => "r".repeat(500));
  assert.ok((await signAccessToken({ ...claims, roles: full }, key)).length <= 3584);
});

Deno.test("AccessTokenClaims take opaque ids and no e-mail address as subject", () => {
  const accepts = (sub: string) => AccessTokenClaims.safeParse({ ...claims, sub }).success;
  assert.ok(accepts("0198c0de-7000-7000-8000-000000000000"));
  for (const sub of ["", "a@b.test", "idp:1", "a b", "a".repeat(129), "ü", "a\n"]) {
    assert.equal(accepts(sub), false, sub);
  }
});
