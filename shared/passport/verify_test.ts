import assert from "node:assert/strict";
import fc from "fast-check";
import * as jose from "jose";
import { importSecret, signJws } from "../crypto/mod.ts";
import { createPassportVerifier, type PassportRefusal } from "./verify.ts";

// The refusals, row by row and on both runtimes, are in tests/suite/core/passports.ts.

const nowSeconds = 1_800_000_000;
const claims = {
  pv: "0.1.0",
  iss: "https://api.test",
  aud: "edgepass.test",
  iat: nowSeconds,
  exp: nowSeconds + 30,
  jti: "p",
  txn: "4bf92f3577b34da6a3ce929d0e0e4736",
  sub: "svc:course",
  roles: [],
  scope: "",
  cfg: 0,
};

async function setup({ now = () => nowSeconds * 1000 }: { now?: () => number } = {}) {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const key = await importSecret({ kid: "k", secret });
  const reasons: PassportRefusal[] = [];
  const options = { keys: new Map([["k", key]]), issuer: claims.iss, audience: claims.aud, now };
  return {
    reasons,
    secret,
    options,
    sign: (changes: object = {}) =>
      signJws({ ...claims, ...changes }, { typ: "passport+jwt", key }),
    verify: createPassportVerifier({ ...options, onRefusal: (reason) => reasons.push(reason) }),
  };
}

Deno.test("the verifier accepts what jose signs with our header", async () => {
  const { secret, verify } = await setup();
  const token = await new jose.SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "passport+jwt", kid: "k" }).sign(secret);
  assert.deepEqual(await verify(token), claims);
});

Deno.test("jose accepts our Passports with the right key and no other", async () => {
  const { secret, sign } = await setup();
  const token = await sign();
  const options = {
    issuer: claims.iss,
    audience: claims.aud,
    typ: "passport+jwt",
    currentDate: new Date(nowSeconds * 1000),
  };
  assert.deepEqual((await jose.jwtVerify(token, secret, options)).payload, claims);
  await assert.rejects(jose.jwtVerify(token, new Uint8Array(32), options));
});

Deno.test("no text that differs in one character from a Passport is accepted", async () => {
  const { sign, verify } = await setup();
  const token = await sign();
  const character = fc.oneof(
    fc.constantFrom(..."ABCXYZabcxyz019-_=+/. \n,"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length), character, fc.nat(1), async (at, char, removed) => {
      const changed = token.slice(0, at) + char + token.slice(at + removed);
      fc.pre(changed !== token);
      await assert.rejects(verify(changed), { code: "passport_invalid" });
    }),
    { numRuns: 300 },
  );
});

Deno.test("a key in the ring of the other profile verifies nothing there [RFC 8725 §3.1]", async () => {
  const { options, reasons } = await setup();
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Expected a key pair");
  const token = await signJws(claims, {
    typ: "passport+jwt",
    key: { kid: "k", alg: "EdDSA", key: pair.privateKey },
  });
  const keys = new Map([["k", { kid: "k", alg: "EdDSA" as const, key: pair.publicKey }]]);
  const onRefusal = (reason: PassportRefusal) => reasons.push(reason);
  const verify = createPassportVerifier({ ...options, keys, onRefusal });
  await assert.rejects(verify(token), { code: "passport_invalid" });
  assert.deepEqual(reasons, ["algorithm"]);
});

Deno.test("two headers of one name are refused, though each alone is a valid Passport [P03]", async () => {
  const { sign, verify, reasons } = await setup();
  const headers = new Headers([["x-passport", await sign()], ["x-passport", await sign()]]);
  await assert.rejects(verify(headers.get("x-passport")), { code: "passport_invalid" });
  assert.deepEqual(reasons, ["format"]);
});

Deno.test("a Passport over 4096 bytes is refused before it is decoded [P14]", async () => {
  const { options } = await setup();
  const keys = () => Promise.reject(new Error("The keys were read"));
  const verify = createPassportVerifier({ ...options, keys });
  await assert.rejects(verify("A".repeat(5_000_000)), { code: "passport_invalid" });
});

Deno.test("a Passport of just under 4096 bytes is accepted, of more it is not [P14]", async () => {
  const { sign, verify } = await setup();
  const base = (await sign()).length;
  const roles = (bytes: number) =>
    Array.from({ length: 8 }, () => "r".repeat(Math.floor(bytes / 8)));
  const small = await sign({ roles: roles((4096 - base) * 3 / 4 - 40) });
  const large = await sign({ roles: roles((4096 - base) * 3 / 4 + 40) });
  assert.ok(small.length <= 4096 && small.length > 3900 && large.length > 4096);
  assert.equal((await verify(small)).roles.length, 8);
  await assert.rejects(verify(large), { code: "passport_invalid" });
});

Deno.test("the leeway is 5 seconds where none is given", async () => {
  const at = (seconds: number) => () => (claims.exp + seconds) * 1000;
  const early = await setup({ now: at(4.999) });
  assert.equal((await early.verify(await early.sign())).jti, "p");
  const late = await setup({ now: at(5) });
  await assert.rejects(late.verify(await late.sign()), { code: "passport_invalid" });
  assert.deepEqual(late.reasons, ["time"]);
});

Deno.test("the clock is the runtime's where none is given, and onRefusal is optional", async () => {
  const { options: { now: _, ...options }, sign } = await setup();
  const verify = createPassportVerifier(options);
  const iat = Math.floor(Date.now() / 1000);
  assert.equal((await verify(await sign({ iat, exp: iat + 30 }))).iat, iat);
  await assert.rejects(verify("x"), { code: "passport_invalid" });
});

Deno.test("a listener that throws does not turn a refusal into acceptance", async () => {
  const { options } = await setup();
  const onRefusal = () => {
    throw new Error("Listener failed");
  };
  await assert.rejects(createPassportVerifier({ ...options, onRefusal })("x"));
});
