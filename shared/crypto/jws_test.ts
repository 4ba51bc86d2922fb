import assert from "node:assert/strict";
import fc from "fast-check";
import { sign as honoSign, verify as honoVerify } from "hono/jwt";
import * as jose from "jose";
import { encodeBase64Url } from "./encoding.ts";
import { isHeaderOfType, readJws, type SigningKey, signJws, verifyJws } from "./jws.ts";
import { importJwkSet } from "./jwk_set.ts";
import { importSecret } from "./keys.ts";

const typ = "test+jwt";

async function setup() {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Expected a key pair");
  const { kty, crv, x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const ring = await importJwkSet({ keys: [{ kid: "a", kty, crv, x }] }, ["EdDSA"]);
  const verification = ring.get("a");
  assert.ok(verification);
  const secret = crypto.getRandomValues(new Uint8Array(32));
  return {
    asymmetric: { signing: { kid: "a", alg: "EdDSA", key: pair.privateKey }, verification },
    symmetric: await importSecret({ kid: "s", secret }),
    secret,
    privateKey: pair.privateKey,
    publicKey: pair.publicKey,
  } as const;
}

const claims = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 5,
  noNullPrototype: true,
});

Deno.test("verifyJws accepts what signJws signs, and jose reads the same", async () => {
  const { asymmetric, symmetric } = await setup();
  const pairs = [asymmetric, { signing: symmetric, verification: symmetric }];
  await fc.assert(
    fc.asyncProperty(claims, fc.constantFrom(...pairs), async (payload, pair) => {
      const token = await signJws(payload, { typ, key: pair.signing });
      const jws = readJws(token, 100_000);
      assert.ok(jws && await verifyJws(jws, pair.verification));
      const { kid, alg } = pair.signing;
      assert.deepEqual(jws.header, { alg, typ, kid });
      const read = await jose.compactVerify(token, pair.verification.key, { algorithms: [alg] });
      assert.deepEqual(read.protectedHeader, jws.header);
      assert.deepEqual(read.payload, jws.payload);
      assert.equal(new TextDecoder().decode(jws.payload), JSON.stringify(payload));
    }),
    { numRuns: 50 },
  );
});

Deno.test("verifyJws accepts what jose signs", async () => {
  const { asymmetric, secret, symmetric, privateKey } = await setup();
  const make = (alg: string) => new jose.SignJWT({ a: 1 }).setProtectedHeader({ alg, typ });
  const signed = [
    [await make("EdDSA").sign(privateKey), asymmetric.verification],
    [await make("HS256").sign(secret), symmetric],
  ] as const;
  for (const [token, key] of signed) {
    const jws = readJws(token, 4096);
    assert.ok(jws && await verifyJws(jws, key));
  }
});

Deno.test("hono/jwt accepts what signJws signs, and verifyJws what hono/jwt signs", async () => {
  const { asymmetric, symmetric, publicKey } = await setup();
  const payload = { sub: "x", exp: 4_000_000_000 };
  const ours = await signJws(payload, { typ, key: symmetric });
  assert.deepEqual(await honoVerify(ours, symmetric.key, { alg: "HS256", typ }), payload);
  const other = await signJws(payload, { typ, key: asymmetric.signing });
  assert.deepEqual(await honoVerify(other, publicKey, { alg: "EdDSA", typ }), payload);
  const theirs = readJws(await honoSign(payload, symmetric.key, "HS256"), 4096);
  assert.ok(theirs && await verifyJws(theirs, symmetric));
});

/** The result of a complete verification; jose accepts spellings that this must refuse. */
async function accepts(token: string, key: SigningKey): Promise<boolean> {
  const jws = readJws(token, 4096);
  return jws !== undefined && isHeaderOfType(jws.header, typ) && await verifyJws(jws, key);
}

Deno.test("no text that differs in one character from a token is accepted", async () => {
  const { asymmetric, symmetric } = await setup();
  for (
    const { signing, verification } of [
      asymmetric,
      { signing: symmetric, verification: symmetric },
    ]
  ) {
    const token = await signJws({ sub: "x" }, { typ, key: signing });
    assert.equal(await accepts(token, verification), true);
    const character = fc.oneof(
      fc.constantFrom(
        ..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. \n\t",
      ),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    );
    const change = fc.constantFrom("replace", "insert", "delete");
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length), character, change, async (at, char, how) => {
        const rest = token.slice(how === "insert" ? at : at + 1);
        const changed = token.slice(0, at) + (how === "delete" ? "" : char) + rest;
        fc.pre(changed !== token);
        assert.equal(await accepts(changed, verification), false, JSON.stringify(changed));
      }),
      { numRuns: 500 },
    );
    // The last character may have unused bits, so each of its 64 values is tried.
    for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
      const changed = token.slice(0, -1) + char;
      assert.equal(await accepts(changed, verification), changed === token, changed);
    }
  }
});

Deno.test("a token whose JSON was reordered, reformatted or duplicated is refused", async () => {
  const { asymmetric: { signing, verification } } = await setup();
  const token = await signJws({ a: 1, b: 2 }, { typ, key: signing });
  const [header, , signature] = token.split(".");
  const payloads = ['{"b":2,"a":1}', '{"a":1, "b":2}', '{"a":1,"b":2,"b":2}', '{"a":1,"b":2} '];
  for (const payload of payloads) {
    const segment = encodeBase64Url(new TextEncoder().encode(payload));
    assert.equal(await accepts(`${header}.${segment}.${signature}`, verification), false);
  }
});

Deno.test("readJws refuses empty segments and texts over the limit", async () => {
  const { symmetric } = await setup();
  const token = await signJws({}, { typ, key: symmetric });
  const [header, payload, signature] = token.split(".");
  assert.ok(readJws(token, token.length));
  assert.equal(readJws(token, token.length - 1), undefined);
  assert.equal(readJws(`${header}..${signature}`, 4096), undefined);
  assert.equal(readJws(`${header}.${payload}.`, 4096), undefined);
  assert.equal(readJws(`.${payload}.${signature}`, 4096), undefined);
  assert.equal(readJws(`${header}.${payload}.${signature}.${signature}`, 4096), undefined);
});

Deno.test("readJws refuses a huge text without reading its characters", () => {
  // The value has a length only: any call of a string method would throw.
  const huge = { length: 5_000_000 } as string;
  assert.equal(readJws(huge, 4096), undefined);
});

Deno.test("verifyJws refuses a signature of the wrong length without Web Crypto", async () => {
  const bytes = new Uint8Array(10);
  const jws = { header: {}, payload: bytes, signature: bytes, signingInput: bytes };
  // Web Crypto would throw for this invalid key.
  for (const alg of ["EdDSA", "ES256", "HS256"] as const) {
    assert.equal(await verifyJws(jws, { kid: "k", alg, key: {} as CryptoKey }), false, alg);
  }
});

const header = { alg: "HS256", typ, kid: "s" };
const otherHeaders = {
  "no alg": { typ, kid: "s" },
  "an alg that is no text": { ...header, alg: 1 },
  "another typ": { ...header, typ: "JWT" },
  "a kid that is no text": { ...header, kid: 1 },
  "one member more": { ...header, x: 1 },
  "a member that is undefined": { ...header, x: undefined },
};
for (const [what, value] of Object.entries(otherHeaders)) {
  Deno.test(`isHeaderOfType refuses a header with ${what}`, () => {
    assert.equal(isHeaderOfType(header, typ), true);
    assert.equal(isHeaderOfType(value, typ), false);
  });
}
