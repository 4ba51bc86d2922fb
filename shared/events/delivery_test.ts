import assert from "node:assert/strict";
import fc from "fast-check";
import { createPassports } from "../../tests/support/passports.ts";
import { eventBindings, signDelivery } from "../../tests/support/events.ts";
import { digest, encodeBase64Url, importSecret, signJws } from "../crypto/mod.ts";
import { createPassportVerifier, readPassportKeys } from "../passport/mod.ts";
import { createSignatureCheck } from "./delivery.ts";

const now = Date.parse("2026-03-01T09:30:00.000Z");
const seconds = now / 1000;
const url = "https://school.test/events/course";
const text = '{"specversion":"1.0"}';
const body = new TextEncoder().encode(text).buffer;
const current = eventBindings.QSTASH_CURRENT_SIGNING_KEY;
const keys = [current, eventBindings.QSTASH_NEXT_SIGNING_KEY];
const check = createSignatureCheck({ keys, now: () => now });

const sign = (claims: Readonly<Record<string, unknown>> = {}, key?: string) =>
  signDelivery(url, text, { now, claims, ...(key === undefined ? {} : { key }) });

const encode = (value: unknown) => encodeBase64Url(new TextEncoder().encode(JSON.stringify(value)));

/** A token with any header, signed by the correct key with the given hash. */
async function forge(header: Readonly<Record<string, unknown>>, hash = "SHA-256"): Promise<string> {
  const [, claims] = (await sign()).split(".");
  const input = `${encode(header)}.${claims}`;
  const secret = new TextEncoder().encode(current);
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input));
  return `${input}.${encodeBase64Url(new Uint8Array(signature))}`;
}

async function forgeEdDsa(): Promise<string> {
  const [, claims] = (await sign()).split(".");
  const input = `${encode({ alg: "EdDSA", typ: "JWT" })}.${claims}`;
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const signature = await crypto.subtle.sign(
    "Ed25519",
    (pair as CryptoKeyPair).privateKey,
    new TextEncoder().encode(input),
  );
  return `${input}.${encodeBase64Url(new Uint8Array(signature))}`;
}

const accepted = {
  "from QStash, with padding": () => sign(),
  "signed with the next key": () => sign({}, keys[1]),
  "without padding": async () => sign({ body: await digest(text) }),
  "without a typ": () => forge({ alg: "HS256" }),
  "with an unknown header member": () => forge({ alg: "HS256", typ: "JWT", kid: "x" }),
  "that expires at this moment": () =>
    sign({ iat: seconds - 300, nbf: seconds - 300, exp: seconds }),
  "from a clock five seconds ahead": () =>
    sign({ iat: seconds + 5, nbf: seconds + 5, exp: seconds + 300 }),
} as const;
for (const [what, make] of Object.entries(accepted)) {
  Deno.test(`a signature ${what} is accepted [QStash, M8]`, async () => {
    assert.equal(await check({ signature: await make(), body, url }), undefined);
  });
}

const without = (name: string) => () => sign({ [name]: undefined });
const refused: Readonly<Record<string, readonly [() => Promise<string> | string, string]>> = {
  "alg none": [() => `${encode({ alg: "none" })}.${encode({})}.AA`, "header"],
  "alg HS384": [() => forge({ alg: "HS384", typ: "JWT" }, "SHA-384"), "header"],
  "alg HS512": [() => forge({ alg: "HS512", typ: "JWT" }, "SHA-512"), "header"],
  "alg EdDSA": [forgeEdDsa, "header"],
  "alg HS256 over another hash": [() => forge({ alg: "HS256" }, "SHA-512"), "signature"],
  "a critical extension": [() => forge({ alg: "HS256", crit: ["b64"], b64: false }), "header"],
  "another typ": [() => forge({ alg: "HS256", typ: "at+jwt" }), "header"],
  "another account's key": [() => sign({}, "sig_other000000000000000000000000000"), "signature"],
  "no signature": [async () => (await sign()).replace(/[^.]+$/, ""), "not a JWS"],
  "half a signature": [async () => (await sign()).slice(0, -11), "signature"],
  "a truncated token": [async () => (await sign()).slice(0, 40), "not a JWS"],
  "four segments": [async () => `${await sign()}.AA`, "not a JWS"],
  "a very long token": [async () => `${await sign()}${"A".repeat(5000)}`, "not a JWS"],
  "changed claims": [
    async () => (await sign()).replace(/\.[^.]+\./, `.${encode({ sub: url })}.`),
    "signature",
  ],
  "no iss": [without("iss"), "claims"],
  "no sub": [without("sub"), "claims"],
  "no exp": [without("exp"), "claims"],
  "no nbf": [without("nbf"), "claims"],
  "no iat": [without("iat"), "claims"],
  "no jti": [without("jti"), "claims"],
  "no body": [without("body"), "claims"],
  "an empty jti": [() => sign({ jti: "" }), "claims"],
  "a time as text": [() => sign({ exp: String(seconds + 300) }), "claims"],
  "another issuer": [() => sign({ iss: "upstash" }), "claims"],
  "another URL": [() => sign({ sub: "https://school.test/events/user" }), "sub"],
  "the URL with a trailing slash": [() => sign({ sub: `${url}/` }), "sub"],
  "the URL of failure callbacks": [() => sign({ sub: `${url}/failed` }), "sub"],
  "the URL with http": [() => sign({ sub: url.replace("https", "http") }), "sub"],
  "an exp in the past": [
    () => sign({ iat: seconds - 306, nbf: seconds - 306, exp: seconds - 6 }),
    "expired",
  ],
  "an exp exactly five seconds ago": [
    () => sign({ iat: seconds - 305, nbf: seconds - 305, exp: seconds - 5 }),
    "expired",
  ],
  "an nbf in the future": [() => sign({ nbf: seconds + 6 }), "not yet"],
  "an iat in the future": [() => sign({ iat: seconds + 6, exp: seconds + 300 }), "not yet"],
  "a life of more than five minutes": [() => sign({ exp: seconds + 301 }), "life"],
  "an exp before its iat": [() => sign({ exp: seconds - 1 }), "life"],
  "the digest of another body": [async () => sign({ body: await digest("{}") }), "body"],
  "a body digest with extra padding": [
    async () => sign({ body: `${await digest(text)}===` }),
    "body",
  ],
};
for (const [what, [make, reason]] of Object.entries(refused)) {
  Deno.test(`a signature with ${what} is refused: ${reason} [M8]`, async () => {
    assert.equal(await check({ signature: await make(), body, url }), reason);
  });
}

Deno.test("a delivery is refused without a signature, and without keys", async () => {
  assert.equal(await check({ signature: undefined, body, url }), "no signature");
  const keyless = createSignatureCheck({ keys: [], now: () => now });
  assert.equal(await keyless({ signature: await sign(), body, url }), "no keys");
});

Deno.test("the leeway is configurable", async () => {
  const generous = createSignatureCheck({ keys, now: () => now, leewaySeconds: 60 });
  const late = await sign({ iat: seconds - 359, nbf: seconds - 359, exp: seconds - 59 });
  assert.equal(await generous({ signature: late, body, url }), undefined);
});

Deno.test("any changed byte of a body is refused", async () => {
  const signature = await sign();
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const bytes = new Uint8Array(body.slice(0));
      bytes[at] = ((bytes[at] ?? 0) + by) % 256;
      assert.equal(await check({ signature, body: bytes.buffer, url }), "body");
    }),
    { numRuns: 50 },
  );
});

Deno.test("a Passport is refused as a QStash signature, and a QStash signature as a Passport", async () => {
  const passports = createPassports({ now: () => now });
  const reason = await check({ signature: await passports.sign(), body, url });
  assert.equal(reason, "header");

  // Even if both used the same key, which no installation does.
  const secret = new TextEncoder().encode(current);
  const ours = await importSecret({ kid: "test", secret });
  const passport = await signJws({ sub: url }, { typ: "txntoken+jwt", key: ours });
  assert.equal(await check({ signature: passport, body, url }), "header");
  const verify = createPassportVerifier({
    keys: async () => (await readPassportKeys([{ kid: "test", secret, state: "signing" }])).ring,
    issuer: "http://gateway.test",
    audience: "edgepass.test",
    leewaySeconds: 5,
    now: () => now,
    onRefusal: () => {},
  });
  const refusal = await verify(await sign()).catch((error: unknown) => error);
  assert.equal(Reflect.get(Object(refusal), "code"), "passport_invalid");
});
