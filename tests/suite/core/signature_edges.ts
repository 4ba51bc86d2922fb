// Derived from the definitions of the algorithms (RFC 8032 §5.1, FIPS 186-5 §6, RFC 2104, RFC 8017
// §8.2), modelled on the kinds of cases that Project Wycheproof publishes; none is copied.
import assert from "node:assert/strict";
import { importSecret, type VerificationKey, verifyJws } from "@edgepass/shared/crypto";
import type { Case } from "./case.ts";
import { makePair, signBytes, type TestPair } from "./keys.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const message = new TextEncoder().encode("header.payload");

async function accepts(signature: Bytes, key: VerificationKey, signed = message): Promise<boolean> {
  return await verifyJws({ header: {}, payload: signed, signature, signingInput: signed }, key);
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`);
}

function toBytes(value: bigint, length: number): Bytes {
  return Uint8Array.fromHex(value.toString(16).padStart(length * 2, "0"));
}

function join(...parts: readonly Uint8Array[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function flip(bytes: Bytes, at: number, bit: number): Bytes {
  return bytes.map((byte, index) => index === at ? byte ^ bit : byte);
}

/** Order of the Ed25519 base point (RFC 8032 §5.1). */
const edwardsOrder = 2n ** 252n + 27742317777372353535851937790883648493n;
/** Order of P-256 (SP 800-186 §3.2.1.3). */
const p256Order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** S plus a multiple of the order, which satisfies the same equation (RFC 8032 §8.4). */
function addOrder(signature: Bytes, times: bigint): Bytes {
  const s = toBigInt(signature.slice(32).reverse()) + times * edwardsOrder;
  return join(signature.slice(0, 32), toBytes(s, 32).reverse());
}

const ed25519Edges: Readonly<Record<string, (genuine: Bytes) => Bytes>> = {
  "S + L [RFC 8032 §8.4]": (genuine) => addOrder(genuine, 1n),
  "S + 2 L [RFC 8032 §8.4]": (genuine) => addOrder(genuine, 2n),
  "S + 8 L [RFC 8032 §8.4]": (genuine) => addOrder(genuine, 8n),
  "S = L": (genuine) => addOrder(join(genuine.slice(0, 32), new Uint8Array(32)), 1n),
  "S = 0": (genuine) => join(genuine.slice(0, 32), new Uint8Array(32)),
  "the top bit of S set": (genuine) => flip(genuine, 63, 0x80),
  "R = 0": (genuine) => join(new Uint8Array(32), genuine.slice(32)),
  "R the neutral element and S = 0": () => Uint8Array.of(1, ...new Uint8Array(63)),
  "the sign bit of R flipped": (genuine) => flip(genuine, 31, 0x80),
  "R and S swapped": (genuine) => join(genuine.slice(32), genuine.slice(0, 32)),
  "all zero": () => new Uint8Array(64),
  "all ones": () => new Uint8Array(64).fill(255),
  "no signature": () => new Uint8Array(0),
  "63 bytes": (genuine) => genuine.slice(0, 63),
  "65 bytes": (genuine) => join(genuine, Uint8Array.of(0)),
  "twice the signature": (genuine) => join(genuine, genuine),
};

/**
 * The ASN.1 encoding, which certificates and many libraries use. JWS requires r and s concatenated.
 */
function toDer(signature: Bytes): Bytes {
  const integers = [signature.slice(0, 32), signature.slice(32)].map((half) => {
    const hex = toBigInt(half).toString(16);
    const bytes = Uint8Array.fromHex(hex.padStart(hex.length + hex.length % 2, "0"));
    const positive = bytes[0]! >= 0x80 ? join(Uint8Array.of(0), bytes) : bytes;
    return join(Uint8Array.of(2, positive.length), positive);
  });
  const body = join(...integers);
  return join(Uint8Array.of(0x30, body.length), body);
}

function rs(r: bigint, s: bigint): Bytes {
  return join(toBytes(r, 32), toBytes(s, 32));
}

const es256Edges: Readonly<Record<string, (r: bigint, s: bigint) => Bytes>> = {
  "r = 0": (_, s) => rs(0n, s),
  "s = 0": (r) => rs(r, 0n),
  "r = s = 0 [CVE-2022-21449]": () => rs(0n, 0n),
  "r = s = 1": () => rs(1n, 1n),
  "r = n": (_, s) => rs(p256Order, s),
  "s = n": (r) => rs(r, p256Order),
  "r = s = n": () => rs(p256Order, p256Order),
  "r negated": (r, s) => rs(p256Order - r, s),
  "r and s swapped": (r, s) => rs(s, r),
  "all ones": () => new Uint8Array(64).fill(255),
  "DER [RFC 7518 §3.4]": (r, s) => toDer(rs(r, s)),
  "no signature": () => new Uint8Array(0),
  "63 bytes": (r, s) => rs(r, s).slice(0, 63),
  "65 bytes": (r, s) => join(rs(r, s), Uint8Array.of(0)),
  "halves of 33 bytes": (r, s) => join(toBytes(r, 33), toBytes(s, 33)),
};

const hs256Edges: Readonly<Record<string, (genuine: Bytes) => Bytes>> = {
  "no tag": () => new Uint8Array(0),
  "a tag of 16 bytes [RFC 2104 §5]": (genuine) => genuine.slice(0, 16),
  "a tag of 31 bytes": (genuine) => genuine.slice(0, 31),
  "a tag of 33 bytes": (genuine) => join(genuine, Uint8Array.of(0)),
  "all zero": () => new Uint8Array(32),
  "the first bit flipped": (genuine) => flip(genuine, 0, 0x80),
  "the last bit flipped": (genuine) => flip(genuine, 31, 1),
  "the bytes reversed": (genuine) => genuine.toReversed() as Bytes,
};

function modulusOf({ publicJwk }: TestPair): bigint {
  return toBigInt(Uint8Array.fromBase64(publicJwk.n ?? "", { alphabet: "base64url" }));
}

async function signAs(pair: TestPair, algorithm: RsaHashedImportParams): Promise<Bytes> {
  const { kty, n, e, d, p, q, dp, dq, qi } = pair.privateJwk;
  const jwk = JSON.parse(JSON.stringify({ kty, n, e, d, p, q, dp, dq, qi }));
  const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
  const parameters = { name: algorithm.name, saltLength: 32 };
  return new Uint8Array(await crypto.subtle.sign(parameters, key, message));
}

const rs256Edges: Readonly<
  Record<string, (genuine: Bytes, pair: TestPair) => Bytes | Promise<Bytes>>
> = {
  "255 bytes": (genuine) => genuine.slice(0, 255),
  "a leading zero [RFC 8017 §8.2.2]": (genuine) => join(Uint8Array.of(0), genuine),
  "a trailing zero": (genuine) => join(genuine, Uint8Array.of(0)),
  "the signature plus the modulus [RFC 8017 §5.2.2]": (genuine, pair) =>
    toBytes(toBigInt(genuine) + modulusOf(pair), 257),
  "the signature negated": (genuine, pair) => toBytes(modulusOf(pair) - toBigInt(genuine), 256),
  "all zero": () => new Uint8Array(256),
  one: () => toBytes(1n, 256),
  "the modulus": (_, pair) => toBytes(modulusOf(pair), 256),
  "no signature": () => new Uint8Array(0),
  "the padding of PSS": (_, pair) => signAs(pair, { name: "RSA-PSS", hash: "SHA-256" }),
  "the hash SHA-512": (_, pair) => signAs(pair, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-512" }),
};

export const signatureEdgeCases: readonly Case[] = [
  ...Object.entries(ed25519Edges).map(([what, mangle]) => ({
    name: `EdDSA refuses ${what}`,
    async run() {
      const { signing, verification } = await makePair("k");
      const genuine = await signBytes(signing, message);
      assert.equal(await accepts(genuine, verification), true);
      assert.equal(await accepts(mangle(genuine), verification), false);
    },
  })),
  ...Object.entries(es256Edges).map(([what, mangle]) => ({
    name: `ES256 refuses ${what}`,
    async run() {
      const { signing, verification } = await makePair("k", "ES256");
      const genuine = await signBytes(signing, message);
      const [r, s] = [toBigInt(genuine.slice(0, 32)), toBigInt(genuine.slice(32))];
      assert.equal(await accepts(rs(r, s), verification), true);
      assert.equal(await accepts(mangle(r, s), verification), false);
    },
  })),
  {
    name: "ES256 accepts the twin (r, n - s): a token's text is no unique key",
    async run() {
      const { signing, verification } = await makePair("k", "ES256");
      const genuine = await signBytes(signing, message);
      const [r, s] = [toBigInt(genuine.slice(0, 32)), toBigInt(genuine.slice(32))];
      assert.equal(await accepts(rs(r, p256Order - s), verification), true);
    },
  },
  ...Object.entries(hs256Edges).map(([what, mangle]) => ({
    name: `HS256 refuses ${what}`,
    async run() {
      const secret = crypto.getRandomValues(new Uint8Array(32));
      const key = await importSecret({ kid: "k", secret });
      const genuine = await signBytes(key, message);
      assert.equal(await accepts(genuine, key), true);
      assert.equal(await accepts(mangle(genuine), key), false);
    },
  })),
  {
    name: "RS256 refuses every altered form of a genuine signature",
    async run() {
      const pair = await makePair("k", "RS256");
      const genuine = await signBytes(pair.signing, message);
      assert.equal(await accepts(genuine, pair.verification), true);
      for (const [what, mangle] of Object.entries(rs256Edges)) {
        const mangled = await mangle(genuine, pair);
        assert.equal(await accepts(mangled, pair.verification), false, what);
      }
    },
  },
];
