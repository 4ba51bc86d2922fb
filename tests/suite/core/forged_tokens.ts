import assert from "node:assert/strict";
import {
  type AsymmetricAlgorithmName,
  asymmetricAlgorithms,
  encodeBase64Url,
  importSecret,
} from "@edgepass/shared/crypto";
import { theirClaims } from "./access_token_environment.ts";
import type { Case } from "./case.ts";
import { judgeByKeys, published, signedBy } from "./issuer_keys.ts";
import { forge, makePair, type TestPair } from "./keys.ts";

const encoder = new TextEncoder();
const encode = (value: object) => encodeBase64Url(encoder.encode(JSON.stringify(value)));
const decode = (text: string) => Uint8Array.fromBase64(text, { alphabet: "base64url" });

/** A token whose signature an attacker chooses, without any private key. */
function unsigned(header: object, signature: Uint8Array): string {
  return `${encode(header)}.${encode(theirClaims)}.${encodeBase64Url(signature)}`;
}

function withSignature(token: string, change: (signature: Uint8Array) => Uint8Array): string {
  const end = token.lastIndexOf(".") + 1;
  return token.slice(0, end) + encodeBase64Url(change(decode(token.slice(end))));
}

interface Forger {
  /** The issuer's key: the attacker has its public half, and tokens that it signed. */
  readonly issuer: TestPair;
  /** The attacker's key, of the same algorithm. */
  readonly own: TestPair;
  readonly alg: AsymmetricAlgorithmName;
}

/** Ways to forge a token of an issuer; every one has to fail for every algorithm. */
const ways: Readonly<Record<string, (forger: Forger) => Promise<string> | string>> = {
  "alg none": ({ issuer }) => signedBy(issuer, { alg: "none" }),
  "alg none without a signature": ({ issuer: { signing: { kid } } }) =>
    unsigned({ alg: "none", typ: "JWT", kid }, new Uint8Array()),
  "the public key as an HMAC secret": async ({ issuer: { publicJwk } }) => {
    const secret = encoder.encode(JSON.stringify(publicJwk));
    const header = { alg: "HS256", typ: "JWT", kid: publicJwk.kid };
    return await forge(header, theirClaims, await importSecret({ kid: publicJwk.kid, secret }));
  },
  "an HMAC under the issuer's algorithm": async ({ issuer: { publicJwk }, alg }) => {
    const secret = encoder.encode(JSON.stringify(publicJwk));
    const header = { alg, typ: "JWT", kid: publicJwk.kid };
    return await forge(header, theirClaims, await importSecret({ kid: publicJwk.kid, secret }));
  },
  "the attacker's key under the issuer's kid": ({ own }) => signedBy(own),
  "the attacker's key in jwk": ({ own }) => signedBy(own, { jwk: own.publicJwk }),
  "the attacker's key at jku": ({ own }) => signedBy(own, { jku: "https://evil.test/jwks.json" }),
  "the attacker's certificate in x5c": ({ own }) => signedBy(own, { x5c: ["MIIB"], x5t: "AA" }),
  "the attacker's key without kid": ({ own }) => signedBy(own, { kid: undefined }),
  "the attacker's key under the name of a prototype": ({ own }) =>
    signedBy(own, { kid: "__proto__" }),
  "the attacker's key under the issuer's thumbprint": ({ own }) =>
    signedBy(own, { kid: own.publicJwk.kid.padEnd(43, "A") }),
  "other claims under a good signature": async ({ issuer }) => {
    const [header, , signature] = (await signedBy(issuer)).split(".");
    return `${header}.${encode({ ...theirClaims, sub: "admin" })}.${signature}`;
  },
  "another header under a good signature": async ({ issuer, alg }) => {
    const [, payload, signature] = (await signedBy(issuer)).split(".");
    const header = encode({ alg, typ: "JWT", kid: issuer.publicJwk.kid, x: 1 });
    return `${header}.${payload}.${signature}`;
  },
  "one changed bit of the signature": async ({ issuer }) =>
    withSignature(await signedBy(issuer), (bytes) => bytes.with(0, (bytes[0] ?? 0) ^ 1)),
  "a signature that is cut short": async ({ issuer }) =>
    withSignature(await signedBy(issuer), (bytes) => bytes.slice(0, -1)),
  "a signature with a zero in front": async ({ issuer }) =>
    withSignature(await signedBy(issuer), (bytes) => Uint8Array.of(0, ...bytes)),
  "a signature of nothing but zeros": async ({ issuer }) =>
    withSignature(await signedBy(issuer), (bytes) => new Uint8Array(bytes.length)),
  "a signature of nothing but ones": async ({ issuer }) =>
    withSignature(await signedBy(issuer), (bytes) => new Uint8Array(bytes.length).fill(255)),
  "a signature that is the number one": async ({ issuer }) =>
    withSignature(await signedBy(issuer), (bytes) => new Uint8Array(bytes.length).with(-1, 1)),
  "an empty signature": async ({ issuer }) =>
    withSignature(await signedBy(issuer), () => new Uint8Array()),
  "a signature with its halves swapped": async ({ issuer }) =>
    withSignature(await signedBy(issuer), (bytes) => {
      const half = bytes.length >> 1;
      return Uint8Array.of(...bytes.slice(half), ...bytes.slice(0, half));
    }),
  "a signature in DER": async ({ issuer }) =>
    withSignature(await signedBy(issuer), (bytes) => {
      const half = bytes.length >> 1;
      const [r, s] = [bytes.slice(0, half), bytes.slice(half)].map((
        part,
      ) => [2, part.length + 1, 0, ...part]);
      return Uint8Array.of(0x30, half + half + 6, ...r ?? [], ...s ?? []);
    }),
};

/** No forged token is accepted, of no algorithm, however many the row allows. */
export const forgedTokenCases: readonly Case[] = asymmetricAlgorithms.map((alg) => ({
  name: `no forged token of ${alg} is accepted, of ${Object.keys(ways).length} ways to make one`,
  async run() {
    const [issuer, own] = await Promise.all([makePair("k", alg), makePair("k", alg)]);
    const forger = { issuer, own, alg };
    const rows = [[alg], asymmetricAlgorithms].map((algorithms) => ({
      keys: [published(issuer, { alg: undefined })],
      algorithms,
    }));
    const accepted: string[] = [];
    for (const [way, make] of Object.entries(ways)) {
      const token = await make(forger);
      for (const row of rows) {
        if (await judgeByKeys(token, row) === "accepted") accepted.push(way);
      }
    }
    assert.deepEqual(accepted, []);
    for (const row of rows) {
      assert.equal(await judgeByKeys(await signedBy(issuer), row), "accepted");
    }
  },
}));
