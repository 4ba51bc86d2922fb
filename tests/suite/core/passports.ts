import assert from "node:assert/strict";
import { importSecret, type KeyRing, type SigningKey } from "@edgepass/shared/crypto";
import { createPassportVerifier, type Passport, readPassportKeys } from "@edgepass/shared/passport";
import { Problem } from "@edgepass/shared/problem";
import type { Case } from "./case.ts";
import { forge, makePair } from "./keys.ts";
import { jsonTricks, textTricks } from "./text_tricks.ts";

const nowSeconds = 1_800_000_000;
const leewaySeconds = 5;
const header = { alg: "HS256", typ: "passport+jwt", kid: "now" };
const claims = {
  pv: "0.1.0",
  iss: "https://api.test",
  aud: "edgepass.test",
  iat: nowSeconds - 1,
  exp: nowSeconds + 29,
  jti: "passport-1",
  txn: "4bf92f3577b34da6a3ce929d0e0e4736",
  sub: "user:42",
  sid: "login-1",
  roles: ["learner"],
  scope: "read",
  uv: 3,
  cfg: 0,
};

interface Change {
  readonly header?: object | string;
  readonly claims?: object;
  readonly payload?: string | Uint8Array;
  readonly signer?: "next" | "previous" | "stranger" | "asymmetric";
  readonly mangle?: (token: string) => string;
  readonly now?: number;
  readonly leeway?: number;
}

async function makeKeys(): Promise<{ ring: KeyRing; signers: Record<string, SigningKey> }> {
  const secret = () => crypto.getRandomValues(new Uint8Array(32));
  const [now, next, previous] = [secret(), secret(), secret()];
  const { ring } = await readPassportKeys([
    { kid: "previous", secret: previous, state: "retired" },
    { kid: "now", secret: now, state: "signing" },
    { kid: "next", secret: next, state: "published" },
  ]);
  return {
    ring,
    signers: {
      now: await importSecret({ kid: "now", secret: now }),
      next: await importSecret({ kid: "next", secret: next }),
      previous: await importSecret({ kid: "previous", secret: previous }),
      stranger: await importSecret({ kid: "now", secret: secret() }),
      asymmetric: (await makePair("now")).signing,
    },
  };
}

/** The claims, or the problem code for the caller together with the reason for the log. */
async function judge(change: Change): Promise<Passport | { code: string; reason?: string }> {
  const { ring, signers } = await makeKeys();
  const honest = await forge(
    typeof change.header === "string" ? change.header : { ...header, ...change.header },
    change.payload ?? { ...claims, ...change.claims },
    signers[change.signer ?? "now"]!,
  );
  const reasons: string[] = [];
  const verify = createPassportVerifier({
    keys: () => Promise.resolve(ring),
    issuer: claims.iss,
    audience: claims.aud,
    leewaySeconds: change.leeway ?? leewaySeconds,
    now: () => (change.now ?? nowSeconds) * 1000,
    onRefusal: (reason) => reasons.push(reason),
  });
  try {
    return await verify(change.mangle?.(honest) ?? honest);
  } catch (error) {
    assert.ok(error instanceof Problem);
    assert.equal(error.message, error.title, "the response does not reveal which step failed");
    return { code: error.code, reason: reasons.join() };
  }
}

const without = (name: string) => ({ claims: { [name]: undefined } });
const nested = (depth: number): object =>
  depth === 1 ? { sub: "user:9" } : { sub: "user:9", act: nested(depth - 1) };
/** A Passport of policy 0.1.1 for a subject that is no user of ours. */
const later = (sub: string, more: object = {}): Change => ({
  claims: { pv: "0.1.1", sub, sid: undefined, uv: undefined, ...more },
});
/** An `ext` whose JSON has this many bytes; the character has two. */
const ext = (bytes: number) => ({ e: `${"x".repeat(bytes % 2)}${"é".repeat((bytes - 8) >> 1)}` });
const links = (count: number) =>
  Array.from({ length: count }, () => ({ wl: "gateway", jti: "j", iat: 1 }));

/** By the validation step that refuses (passport.md, validation order). */
const refused: Readonly<Record<string, Readonly<Record<string, Change>>>> = {
  format: Object.fromEntries([
    ...Object.entries(textTricks).map(([what, mangle]): [string, Change] => [what, { mangle }]),
    ...Object.entries(jsonTricks).flatMap(([what, trick]): [string, Change][] => {
      const text = trick(JSON.stringify(header));
      return typeof text === "string" ? [[`${what} as header`, { header: text }]] : [];
    }),
  ]),
  header: {
    "typ of an access token [RFC 8725 §3.11]": { header: { typ: "at+jwt" } },
    "typ JWT": { header: { typ: "JWT" } },
    "typ in another case": { header: { typ: "Passport+JWT" } },
    "no typ": { header: { typ: undefined } },
    "no kid": { header: { kid: undefined } },
    "a kid that is a number": { header: { kid: 1 } },
    "no alg": { header: { alg: undefined } },
    "an alg that is not a string": { header: { alg: ["HS256"] } },
    "crit [RFC 7515 §4.1.11]": { header: { crit: ["exp"] } },
    "b64 [RFC 7797]": { header: { b64: false } },
    "zip": { header: { zip: "DEF" } },
    "jwk [RFC 8725 §3.10]": { header: { jwk: { kty: "oct", k: "AA" } } },
    "jku": { header: { jku: "https://evil.test" } },
    "any other member": { header: { cty: "json" } },
    "a member named __proto__": {
      header: JSON.stringify(header).replace("{", '{"__proto__":{"alg":"HS256"},'),
    },
  },
  profile: { "typ of a Txn-Token": { header: { typ: "txntoken+jwt" } } },
  unknown_key: {
    "an unknown kid": { header: { kid: "other" } },
    "an empty kid": { header: { kid: "" } },
    "a kid that names a prototype": { header: { kid: "__proto__" } },
    "a kid that names a method": { header: { kid: "get" } },
  },
  algorithm: {
    "alg none [RFC 8725 §3.1]": { header: { alg: "none" } },
    "alg HS384": { header: { alg: "HS384" } },
    "alg EdDSA under an HMAC key": { header: { alg: "EdDSA" }, signer: "asymmetric" },
    "alg in another case": { header: { alg: "hs256" } },
  },
  signature: {
    "a signature of an unknown key [P03]": { signer: "stranger" },
    "the next key's signature under this kid": { signer: "next" },
    "an EdDSA signature that claims HS256": { signer: "asymmetric" },
    "a signature of an unknown key on an expired Passport [T10]": {
      signer: "stranger",
      claims: { exp: nowSeconds - 100 },
    },
  },
  claims: {
    ...Object.fromEntries(
      ["pv", "iss", "aud", "iat", "exp", "jti", "txn", "sub", "roles", "scope", "cfg"].map((
        name,
      ) => [`no ${name}`, without(name)]),
    ),
    ...Object.fromEntries(
      Object.entries(jsonTricks).map(([what, trick]): [string, Change] => [
        `${what} as payload`,
        { payload: trick(JSON.stringify(claims)) },
      ]),
    ),
    "our own user without sid": without("sid"),
    "our own user without uv": without("uv"),
    "a subject without a kind": { claims: { sub: "42" } },
    "a subject kind in another case": { claims: { sub: "User:42" } },
    "a subject with an empty id": { claims: { sub: "user:" } },
    "a subject with a space": { claims: { sub: "user:4 2" } },
    "a subject with a trailing newline": { claims: { sub: "anon\n" } },
    "a service name in another case": { claims: { sub: "svc:Course" } },
    "a subject that only begins with anon": { claims: { sub: "anonymous" } },
    "a client under policy 0.1.0": later("client:acme:ci", { pv: "0.1.0" }),
    "an API key under policy 0.1.0": later("key:1", { pv: "0.1.0" }),
    "a client without an alias": later("client:ci"),
    "a client with an empty id": later("client:acme:"),
    "a client with an alias that cannot be one": later("client:Acme:ci"),
    "a client with a space": later("client:acme:c i"),
    "a client of more than 512 characters": later(`client:acme:${"c".repeat(501)}`),
    "a client as actor under policy 0.1.0": { claims: { act: { sub: "client:acme:ci" } } },
    "an API key with an empty id": later("key:"),
    "an API key with a colon": later("key:1:2"),
    "a kind of subject that no policy has": later("device:1"),
    "our own user without sid under policy 0.1.1": later("user:42", { uv: 3 }),
    "an ext that is a text": { claims: { pv: "0.1.1", ext: "x" } },
    "an ext that is a list": { claims: { pv: "0.1.1", ext: [] } },
    "an ext that is null": { claims: { pv: "0.1.1", ext: null } },
    "an ext of more than 512 bytes": { claims: { pv: "0.1.1", ext: ext(513) } },
    "an audience in a list": { claims: { aud: ["edgepass.test"] } },
    "a txn of zeros only": { claims: { txn: "0".repeat(32) } },
    "a txn in capitals": { claims: { txn: "A".repeat(32) } },
    "a txn of 31 digits": { claims: { txn: "a".repeat(31) } },
    "roles in a string": { claims: { roles: "admin" } },
    "scope in a list": { claims: { scope: ["read"] } },
    "a uv that is a fraction": { claims: { uv: 1.5 } },
    "a cfg that is negative": { claims: { cfg: -1 } },
    "exp as a string": { claims: { exp: String(claims.exp) } },
    "iat as a fraction": { claims: { iat: claims.iat + 0.5 } },
    "actors five deep [RFC 8693 §4.1]": { claims: { act: nested(5) } },
    "a chain of nine": { claims: { chain: links(9) } },
    "a version of two parts": { claims: { pv: "0.1" } },
    "a version with a suffix": { claims: { pv: "0.1.0-beta" } },
    "a version with a leading zero": { claims: { pv: "0.01.0" } },
  },
  version: {
    "a later minor line": { claims: { pv: "0.2.0" } },
    "a version that only shares a prefix with the supported line": { claims: { pv: "0.11.0" } },
    "a later major line": { claims: { pv: "1.1.0" } },
  },
  audience: {
    "another trust domain [P04]": { claims: { aud: "production.test" } },
    "a trust domain that contains ours": { claims: { aud: "edgepass.test.evil" } },
    "another Passport issuer": { claims: { iss: "https://evil.test" } },
    "a Passport issuer with a trailing slash": { claims: { iss: "https://api.test/" } },
    "another trust domain on an expired Passport": { claims: { aud: "x", exp: claims.iat + 1 } },
  },
  clock_skew: {
    "iat in the future beyond the leeway [P07]": {
      claims: { iat: nowSeconds + leewaySeconds + 1, exp: nowSeconds + 60 },
    },
  },
  time: {
    "once exp and leeway are over [P06]": { now: claims.exp + leewaySeconds },
    "once exp is over, without a leeway": { now: claims.exp, leeway: 0 },
    "a lifetime over 300 s": { claims: { exp: claims.iat + 301 } },
    "a lifetime of zero": { claims: { exp: claims.iat } },
    "an exp before its iat": { claims: { exp: claims.iat - 1 } },
  },
};

const accepted: Readonly<Record<string, readonly [change: Change, expected: object]>> = {
  "our own user": [{}, { ...claims, userId: "42" }],
  "another issuer's user, without sid and uv": [
    { claims: { sub: "user:idp:auth0|42", sid: undefined, uv: undefined } },
    { sub: "user:idp:auth0|42", userId: "idp:auth0|42", sid: undefined },
  ],
  "the anonymous caller": [
    { claims: { sub: "anon", sid: undefined, uv: undefined } },
    { sub: "anon", userId: undefined },
  ],
  "a service": [
    { claims: { sub: "svc:course", sid: undefined, uv: undefined } },
    { sub: "svc:course", userId: undefined },
  ],
  "the next key [P08]": [{ header: { kid: "next" }, signer: "next" }, { jti: "passport-1" }],
  "the previous key [P08]": [{ header: { kid: "previous" }, signer: "previous" }, {}],
  "a later patch of the line": [{ claims: { pv: "0.1.12" } }, { pv: "0.1.12" }],
  "an unknown claim, which is dropped": [{ claims: { admin: true } }, { admin: undefined }],
  "what policy v0.2.0 adds": [
    { claims: { req_wl: "gateway", tenant: "t", act: nested(4), chain: links(8) } },
    { req_wl: "gateway", tenant: "t" },
  ],
  "a client of another issuer, without a user's id": [
    later("client:acme:ci%2F1", { sid: "login-1", tenant: "t" }),
    { sub: "client:acme:ci%2F1", userId: undefined, sid: "login-1", tenant: "t" },
  ],
  "a client whose issuer keeps tenants apart": [later("client:acme:t-1:ci"), { pv: "0.1.1" }],
  "an API key, without a user's id": [later("key:k_1"), { sub: "key:k_1", userId: undefined }],
  "a client as actor": [
    { claims: { pv: "0.1.1", act: { sub: "client:acme:ci" } } },
    { act: { sub: "client:acme:ci" } },
  ],
  "a user with further claims": [
    { claims: { pv: "0.1.1", ext: { org: { id: 1 }, tags: ["a"] } } },
    { ext: { org: { id: 1 }, tags: ["a"] }, userId: "42" },
  ],
  "further claims of exactly 512 bytes": [{ claims: { pv: "0.1.1", ext: ext(512) } }, {}],
  "further claims of a later patch": [{ claims: { pv: "0.1.12", ext: {} } }, { ext: {} }],
  "further claims under policy 0.1.0, which are dropped": [
    { claims: { ext: { org: 1 } } },
    { ext: undefined },
  ],
  "under policy 0.1.0 what no later policy would take as ext": [
    { claims: { ext: "x".repeat(600) } },
    { ext: undefined },
  ],
  "300 roles": [{ claims: { roles: Array.from({ length: 300 }, (_, at) => `r${at}`) } }, {}],
  "the last moment of its leeway": [{ now: claims.exp + leewaySeconds - 0.001 }, {}],
  "iat at the edge of the leeway": [{ now: claims.iat - leewaySeconds }, {}],
  "a lifetime of exactly 300 s": [{ claims: { exp: claims.iat + 300 } }, {}],
};

export const passportCases: readonly Case[] = [
  ...Object.entries(refused).flatMap(([reason, rows]) =>
    Object.entries(rows).map(([what, change]) => ({
      name: `a Passport is refused because of its ${reason}: ${what}`,
      async run() {
        assert.deepEqual(await judge(change), { code: "passport_invalid", reason });
      },
    }))
  ),
  ...Object.entries(accepted).map(([what, [change, expected]]) => ({
    name: `a Passport is accepted: ${what}`,
    async run() {
      const passport = await judge(change);
      const read = Object.fromEntries(
        Object.keys(expected).map((name) => [name, Reflect.get(passport, name)]),
      );
      assert.deepEqual(read, expected);
      assert.ok(!("code" in passport));
    },
  })),
  {
    name: "a missing Passport is passport_required",
    async run() {
      const { ring } = await makeKeys();
      const verify = createPassportVerifier({ keys: ring, issuer: "i", audience: "a" });
      await assert.rejects(verify(null), { code: "passport_required" });
    },
  },
];
