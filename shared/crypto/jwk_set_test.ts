import assert from "node:assert/strict";
import { encodeBase64Url } from "./encoding.ts";
import { importIssuerKeys, importJwkSet } from "./jwk_set.ts";

const every = ["EdDSA", "ES256", "RS256"] as const;

async function exportPublic(
  algorithm: EcKeyGenParams | RsaHashedKeyGenParams | { name: "Ed25519" },
): Promise<JsonWebKey> {
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Expected a key pair");
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }));
}

const rsa = (modulusLength: number, exponent = [1, 0, 1]) =>
  exportPublic({
    name: "RSASSA-PKCS1-v1_5",
    modulusLength,
    publicExponent: Uint8Array.from(exponent),
    hash: "SHA-256",
  });
const okp = () => exportPublic({ name: "Ed25519" });
const ec = (namedCurve = "P-256") => exportPublic({ name: "ECDSA", namedCurve });

/** A JWK whose numbers are written in another way. */
function changeMembers(
  jwk: JsonWebKey,
  change: (bytes: Uint8Array) => Uint8Array,
  encode: (bytes: Uint8Array) => string = encodeBase64Url,
): JsonWebKey {
  const write = (text: string) =>
    encode(change(Uint8Array.fromBase64(text, { alphabet: "base64url" })));
  const members = Object.entries(jwk).map(([name, value]) =>
    ["x", "y", "n", "e"].includes(name) ? [name, write(String(value))] : [name, value]
  );
  return Object.fromEntries(members);
}

function plain(jwk: JsonWebKey): JsonWebKey {
  return changeMembers(jwk, (bytes) => bytes, (bytes) => bytes.toBase64());
}

function withoutZero(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0 ? bytes.slice(1) : bytes;
}

/** The first multiple of the generator whose y begins with a zero byte, the 43rd (FIPS 186-4). */
const pointWithZero = {
  kty: "EC",
  crv: "P-256",
  x: "mGriUG8f8QTQQjCGHY9LSY9LxMbQCbMPdUTcEpuC0o0",
  y: "ADzMwKZGDgrjKKTZfTx7YdhvxiicGJ8lJREMRBuwfpc",
};

const used = {
  "an Ed25519 key": [{ ...await okp(), alg: "EdDSA", use: "sig" }, "EdDSA"],
  "an Ed25519 key without alg and use": [await okp(), "EdDSA"],
  "a P-256 key": [{ ...await ec(), alg: "ES256", key_ops: ["verify"] }, "ES256"],
  "an RSA key of 2048 bits": [{ ...await rsa(2048), alg: "RS256" }, "RS256"],
  "a key with members that have no value": [
    { ...await okp(), alg: null, use: "", key_ops: [], d: null, x5c: null },
    "EdDSA",
  ],
  "an RSA key with zeros before modulus and exponent": [
    changeMembers(await rsa(2048), (bytes) => Uint8Array.of(0, 0, ...bytes)),
    "RS256",
  ],
  "an RSA key in plain base64 with padding": [plain(await rsa(2048)), "RS256"],
  "an Ed25519 key in plain base64 with padding": [plain(await okp()), "EdDSA"],
  "a P-256 key in plain base64 with padding": [plain(await ec()), "ES256"],
  "a P-256 key with zeros before its coordinates": [
    changeMembers(await ec(), (bytes) => Uint8Array.of(0, ...bytes)),
    "ES256",
  ],
  "a P-256 key without the zero that its coordinate begins with": [
    changeMembers(pointWithZero, withoutZero),
    "ES256",
  ],
  "a key with unknown members": [{ ...await okp(), x5t: "AA", "x-more": {} }, "EdDSA"],
} as const;
for (const [what, [jwk, alg]] of Object.entries(used)) {
  Deno.test(`importJwkSet takes ${what}`, async () => {
    const ring = await importJwkSet({ keys: [{ ...jwk, kid: "k" }] }, every);
    assert.equal(ring.get("k")?.alg, alg);
    assert.equal(ring.get("k")?.key.type, "public");
    assert.deepEqual(ring.get("k")?.key.usages, ["verify"]);
    assert.equal(ring.get("k")?.key.extractable, false);
    assert.equal(ring.size, 1);
  });
}

const modulus = (bytes: number, first = 0x80) => {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  random[0] = first;
  random[bytes - 1]! |= 1;
  return { kty: "RSA", e: "AQAB", n: encodeBase64Url(random) };
};

const passedOver: Readonly<Record<string, unknown>> = {
  "an entry that is no object": "k",
  "null": null,
  "a key without kid": { ...await okp(), kid: undefined },
  "a key with an empty kid": { ...await okp(), kid: "" },
  "a key whose kid is a number": { ...await okp(), kid: 1 },
  "a key with a kid of 257 characters": { ...await okp(), kid: "k".repeat(257) },
  "a key without kty": { ...await okp(), kty: undefined },
  "a key for encryption": { ...await okp(), use: "enc" },
  "a key that may not verify": { ...await okp(), key_ops: ["encrypt"] },
  "a private key [RFC 7517 §9.2]": {
    ...await okp(),
    d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  },
  "a key with a secret in it": { ...await okp(), k: "AAAA" },
  "a shared secret": { kty: "oct", k: encodeBase64Url(new Uint8Array(32)), alg: "HS256" },
  "a key whose alg is of another type": { ...await okp(), alg: "ES256" },
  "a key whose alg is not used here": { ...await rsa(2048), alg: "PS256" },
  "a key whose alg is none": { ...await okp(), alg: "none" },
  "a key of another curve": await ec("P-384"),
  "an Ed25519 key with crv Ed448": { ...await okp(), crv: "Ed448" },
  "an Ed25519 key without x": { kty: "OKP", crv: "Ed25519" },
  "an Ed25519 key of 31 bytes": {
    kty: "OKP",
    crv: "Ed25519",
    x: encodeBase64Url(new Uint8Array(31)),
  },
  "a P-256 key that is not on the curve": { ...await ec(), y: (await ec()).y },
  "an RSA key of 1024 bits [RFC 7518 §3.3]": await rsa(1024),
  "an RSA key of 1024 bits with zeros in front": {
    ...modulus(256, 0),
    n: encodeBase64Url(Uint8Array.of(...new Uint8Array(128), ...new Uint8Array(128).fill(0xfb))),
  },
  "an RSA key of 2040 bits": modulus(255),
  "an RSA key of 4104 bits": modulus(513),
  "an RSA key with exponent 3": await rsa(2048, [3]),
  "an RSA key whose modulus is no base64": { ...modulus(256), n: `${modulus(256).n}!` },
  "an RSA key whose modulus is nothing but zeros": {
    ...modulus(256),
    n: encodeBase64Url(new Uint8Array(256)),
  },
  "an Ed25519 key of 33 bytes": {
    kty: "OKP",
    crv: "Ed25519",
    x: encodeBase64Url(new Uint8Array(33).fill(7)),
  },
  "a P-256 key with a coordinate of 33 bytes": changeMembers(
    await ec(),
    (bytes) => Uint8Array.of(1, ...bytes),
  ),
  "an RSA key without modulus": { kty: "RSA", e: "AQAB" },
};
for (const [what, entry] of Object.entries(passedOver)) {
  Deno.test(`importJwkSet skips ${what}, and imports the key beside it`, async () => {
    const good = { ...await okp(), kid: "good" };
    const odd = typeof entry === "object" && entry !== null ? { kid: "odd", ...entry } : entry;
    const ring = await importJwkSet({ keys: [odd, good] }, every);
    assert.deepEqual([...ring.keys()], ["good"]);
  });
}

/**
 * Points whose order divides 8, with both signs; each accepts some signature made without a key.
 */
const smallOrder = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
].flatMap((hex) => {
  const bytes = Uint8Array.fromHex(hex);
  return [bytes, bytes.map((byte, at) => at === 31 ? byte | 0x80 : byte)];
});
for (const point of smallOrder) {
  Deno.test(`importJwkSet skips the Ed25519 point of small order ${point.toHex()}`, async () => {
    const entry = { kid: "k", kty: "OKP", crv: "Ed25519", x: encodeBase64Url(point) };
    assert.equal((await importJwkSet({ keys: [entry] }, every)).size, 0);
  });
}

Deno.test("an Ed25519 key of small order would verify a signature made without a private key", async () => {
  const neutral = Uint8Array.of(1, ...new Uint8Array(63));
  const messages = Array.from({ length: 200 }, (_, at) => Uint8Array.of(at));
  const forgeable = await Promise.all(smallOrder.map(async (point) => {
    const key = await crypto.subtle.importKey("raw", point, "Ed25519", false, ["verify"])
      .catch(() => undefined);
    if (!key) return false;
    const verdicts = messages.map((message) =>
      crypto.subtle.verify("Ed25519", key, neutral, message)
    );
    return (await Promise.all(verdicts)).includes(true);
  }));
  assert.ok(forgeable.filter(Boolean).length >= 5);
});

Deno.test("importJwkSet imports RSA keys of 2048 to 4096 bits", async () => {
  const keys = [{ ...modulus(256), kid: "least" }, { ...modulus(512), kid: "most" }];
  assert.deepEqual([...(await importJwkSet({ keys }, every)).keys()], ["least", "most"]);
});

Deno.test("importJwkSet imports a key once that a set names twice, however it is written", async () => {
  const key = { ...await rsa(2048), kid: "a" };
  const keys = [key, { ...plain(key), use: "sig" }, { ...await okp(), kid: "b" }];
  assert.deepEqual([...(await importJwkSet({ keys }, every)).keys()], ["a", "b"]);
});

Deno.test("importJwkSet skips both of two keys with one kid", async () => {
  const keys = [{ ...await okp(), kid: "a" }, { ...await okp(), kid: "b" }, {
    ...await ec(),
    kid: "a",
  }];
  assert.deepEqual([...(await importJwkSet({ keys }, every)).keys()], ["b"]);
});

Deno.test("importJwkSet imports keys of allowed algorithms only", async () => {
  const keys = [{ ...await okp(), kid: "a" }, { ...await ec(), kid: "b" }];
  assert.deepEqual([...(await importJwkSet({ keys }, ["ES256"])).keys()], ["b"]);
  assert.deepEqual([...(await importJwkSet({ keys }, ["EdDSA"])).keys()], ["a"]);
  assert.equal((await importJwkSet({ keys }, [])).size, 0);
});

/** Entry of a set → why it is dropped, for an issuer of EdDSA, ES256 and RS256. */
const dropped: Readonly<Record<string, readonly [entry: unknown, reason: string]>> = {
  "a text": ["k", "is not an object"],
  "a key with a kid that is a number": [
    { ...await okp(), kid: 1 },
    "has a kid that is not a text of 1 to 256 characters",
  ],
  "a private key": [
    { ...await okp(), d: "AA" },
    "is a private or shared key, which must never be published",
  ],
  "a shared secret": [
    { kty: "oct", k: "AAAA" },
    "is a private or shared key, which must never be published",
  ],
  "a key for encryption": [{ ...await rsa(2048), use: "enc" }, "is not for signatures"],
  "a key that signs only": [{ ...await okp(), key_ops: ["sign"] }, "is not for signatures"],
  "a key of another algorithm": [
    { ...await rsa(2048), alg: "PS256" },
    "has an algorithm that the issuer's row does not allow",
  ],
  "a key of another curve": [
    await ec("P-384"),
    "has a type or curve that no algorithm of the issuer's row fits",
  ],
  "a key without a type": [
    { ...await okp(), kty: undefined },
    "has a member that is missing or not readable",
  ],
  "a key without a coordinate": [
    { ...await ec(), y: undefined },
    "has a member that is missing or not readable",
  ],
  "a short modulus": [await rsa(1024), "is an RSA key under 2048 bits"],
  "a long modulus": [modulus(513), "is an RSA key over 4096 bits"],
  "another exponent": [
    await rsa(2048, [3]),
    "is an RSA key with an exponent other than 65537",
  ],
  "a point of small order": [
    { kty: "OKP", crv: "Ed25519", x: encodeBase64Url(new Uint8Array(32)) },
    "is a point of small order",
  ],
  "a point beside its curve": [
    { ...await ec(), y: (await ec()).y },
    "is not a key that this runtime can import",
  ],
};
for (const [what, [entry, reason]] of Object.entries(dropped)) {
  Deno.test(`importIssuerKeys names why it drops ${what}`, async () => {
    const good = { ...await okp(), kid: "good" };
    const { entries, dropped } = await importIssuerKeys({ keys: [good, entry] }, every);
    assert.deepEqual(entries.map(({ kid }) => kid), ["good"]);
    assert.deepEqual(dropped, [{ at: 1, reason }]);
  });
}

Deno.test("importIssuerKeys names the two different keys of one kid and algorithm", async () => {
  const keys = [{ ...await okp(), kid: "a" }, { ...await ec(), kid: "a" }, {
    ...await okp(),
    kid: "a",
  }];
  const { entries, dropped } = await importIssuerKeys({ keys }, every);
  assert.deepEqual(entries.map(({ alg }) => alg), ["ES256"]);
  const reason = "has the kid and algorithm of another key";
  assert.deepEqual(dropped, [{ at: 0, kid: "a", reason }, { at: 2, kid: "a", reason }]);
});

Deno.test("importIssuerKeys takes a key with members that are null, with and without kid", async () => {
  const empty = { d: null, k: null, alg: null, use: "", key_ops: [], x5c: null };
  const keys = [{ ...await okp(), ...empty, kid: "a" }, { ...await okp(), ...empty, kid: null }];
  const { entries, dropped, has } = await importIssuerKeys({ keys }, every);
  assert.deepEqual([entries.length, dropped.length, has("a")], [2, 0, true]);
  assert.match(entries[1]?.kid ?? "", /^[A-Za-z0-9_-]{43}$/);
});
