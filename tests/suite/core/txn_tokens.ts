import assert from "node:assert/strict";
import { importSecret, type SigningKey } from "@edgepass/shared/crypto";
import {
  createPassportVerifier,
  createShadowVerifier,
  type LivePassports,
  type Profile,
} from "@edgepass/shared/passport";
import { Problem } from "@edgepass/shared/problem";
import type { Case } from "./case.ts";
import { forge, makePair } from "./keys.ts";
import { jsonTricks, textTricks } from "./text_tricks.ts";

const nowSeconds = 1_800_000_000;
const headers = {
  S: { alg: "HS256", typ: "passport+jwt", kid: "s" },
  A: { alg: "EdDSA", typ: "txntoken+jwt", kid: "a" },
};
const common = {
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
  cfg: 7,
};
const claims = {
  S: { pv: "0.1.0", ...common },
  A: { pv: "0.2.0", ...common, req_wl: "gateway" },
};

type Signer = "a" | "nextA" | "previousA" | "revokedA" | "strangerA" | "s" | "publicAsSecret";

interface Token {
  readonly of?: Profile;
  readonly header?: object | string;
  readonly claims?: object;
  readonly payload?: string | Uint8Array;
  readonly signer?: Signer;
  readonly mangle?: (token: string) => string;
}

/**
 * A request to a service; `txnToken` is the value of `Txn-Token`, by default a copy of
 * `X-Passport`.
 */
interface Sent extends Token {
  readonly accept?: readonly Profile[];
  readonly txnToken?: Token | null;
  readonly now?: number;
}

interface Installation {
  readonly signers: Readonly<Record<Signer, SigningKey>>;
  readonly live: Omit<LivePassports, "accept">;
  readonly keys: ReadonlyMap<string, Awaited<ReturnType<typeof importSecret>>>;
}

async function install(): Promise<Installation> {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const [a, nextA, previousA, revokedA, strangerA] = await Promise.all(
    ["a", "next", "previous", "revoked", "a"].map((kid) => makePair(kid)),
  );
  const s = await importSecret({ kid: "s", secret });
  const bytes = new TextEncoder().encode(JSON.stringify(a!.publicJwk));
  const pairs = [a!, nextA!, previousA!, revokedA!];
  return {
    keys: new Map([["s", s]]),
    live: {
      publicKeys: new Map(pairs.map(({ verification }) => [verification.kid, verification])),
      isRevoked: (kid) => kid === "revoked",
    },
    signers: {
      a: a!.signing,
      nextA: nextA!.signing,
      previousA: previousA!.signing,
      revokedA: revokedA!.signing,
      strangerA: strangerA!.signing,
      s,
      publicAsSecret: await importSecret({ kid: "a", secret: bytes }),
    },
  };
}

async function make(
  { of = "A", header, claims: changes, payload, signer, mangle }: Token,
  { signers }: Installation,
): Promise<string> {
  const token = await forge(
    typeof header === "string" ? header : { ...headers[of], ...header },
    payload ?? { ...claims[of], ...changes },
    signers[signer ?? (of === "A" ? "a" : "s")],
  );
  return mangle?.(token) ?? token;
}

/**
 * The subject, or the problem code for the caller with the reason for the log; and the compared
 * pair.
 */
async function judge({ accept = ["A"], txnToken, now = nowSeconds, ...sent }: Sent) {
  const installation = await install();
  const token = await make(sent, installation);
  const beside = txnToken === undefined ? token : txnToken && await make(txnToken, installation);
  const reasons: string[] = [];
  const options = {
    keys: installation.keys,
    live: () => ({ ...installation.live, accept }),
    issuer: common.iss,
    audience: common.aud,
    now: () => now * 1000,
    onRefusal: (reason: string) => void reasons.push(reason),
  };
  const compare = createShadowVerifier({
    ...options,
    isExpected: () => true,
    onMismatch: (reason) => void reasons.push(reason),
  });
  try {
    const passport = await createPassportVerifier(options)(token, beside);
    const verdict = await compare(passport, beside);
    return { sub: passport.sub, verdict, reason: reasons.join() };
  } catch (error) {
    assert.ok(error instanceof Problem);
    assert.equal(error.message, error.title, "the response does not reveal which step failed");
    return { code: error.code, reason: reasons.join() };
  }
}

const both: readonly Profile[] = ["S", "A"];

/** By the validation step that refuses. */
const refused: Readonly<Record<string, Readonly<Record<string, Sent>>>> = {
  format: Object.fromEntries([
    ...Object.entries(textTricks).map(([what, mangle]): [string, Sent] => [what, { mangle }]),
    ...Object.entries(jsonTricks).flatMap(([what, trick]): [string, Sent][] => {
      const text = trick(JSON.stringify(headers.A));
      return typeof text === "string" ? [[`${what} as header`, { header: text }]] : [];
    }),
  ]),
  header: {
    "typ of an access token [RFC 8725 §3.11]": { header: { typ: "at+jwt" } },
    "typ JWT": { header: { typ: "JWT" } },
    "typ in another case": { header: { typ: "TxnToken+JWT" } },
    "no kid": { header: { kid: undefined } },
    "crit [RFC 7515 §4.1.11]": { header: { crit: ["exp"] } },
    "jwk [RFC 8725 §3.10]": { header: { jwk: { kty: "OKP", crv: "Ed25519", x: "AA" } } },
    "jku": { header: { jku: "https://evil.test" } },
  },
  profile: {
    "profile A where only S is accepted": { accept: ["S"] },
    "profile S where only A is accepted": { of: "S", accept: ["A"] },
    "profile S with a valid Txn-Token where only A is accepted": {
      of: "S",
      accept: ["A"],
      txnToken: {},
    },
  },
  txn_token: {
    "no Txn-Token": { txnToken: null },
    "another valid Txn-Token": { txnToken: { claims: { jti: "passport-2" } } },
    "a Passport of profile S as Txn-Token": { txnToken: { of: "S" }, accept: both },
    "two Txn-Tokens": { txnToken: { mangle: (token) => `${token}, ${token}` } },
    "garbage as Txn-Token": { txnToken: { mangle: () => "x" } },
  },
  unknown_key: {
    "an unknown kid": { header: { kid: "other" } },
    "a kid of the other profile's ring": { header: { kid: "s" } },
    "a kid that names a prototype": { header: { kid: "__proto__" } },
    "a revoked key": { header: { kid: "revoked" }, signer: "revokedA" },
  },
  algorithm: {
    "alg none [RFC 8725 §3.1]": { header: { alg: "none" } },
    "HS256 with the public key as secret": { header: { alg: "HS256" }, signer: "publicAsSecret" },
    "alg ES256": { header: { alg: "ES256" } },
    "alg in another case": { header: { alg: "eddsa" } },
  },
  signature: {
    "a signature of an unknown key [P03]": { signer: "strangerA" },
    "the next key's signature under this kid": { signer: "nextA" },
    "a Passport signed with the S key [P05]": { signer: "s" },
    "the MAC of the public key under EdDSA": { signer: "publicAsSecret" },
    "a changed payload": { mangle: (token) => token.replace(/\.../, ".AA") },
  },
  claims: {
    ...Object.fromEntries(
      [...Object.keys(claims.A)].map((name): [string, Sent] => [
        `no ${name}`,
        { claims: { [name]: undefined } },
      ]),
    ),
    "an empty req_wl": { claims: { req_wl: "" } },
    "a req_wl in a list": { claims: { req_wl: ["gateway"] } },
    "an audience in a list": { claims: { aud: ["edgepass.test"] } },
    "a client under policy 0.2.0": { claims: { sub: "client:acme:ci" } },
    "an API key under policy 0.2.0": { claims: { sub: "key:1" } },
    "an ext that is a list": { claims: { pv: "0.2.1", ext: ["x"] } },
  },
  version: {
    "the line of profile S": { claims: { pv: "0.1.0" } },
    "a future line": { claims: { pv: "0.3.0" } },
    "a line of more digits": { claims: { pv: "0.20.0" } },
    "profile S with the line of A": { of: "S", accept: both, claims: { pv: "0.2.0" } },
  },
  audience: {
    "another environment [P04]": { claims: { aud: "production.test" } },
    "another Passport issuer": { claims: { iss: "https://evil.test" } },
  },
  clock_skew: {
    "iat in the future beyond the leeway [P07]": {
      claims: { iat: nowSeconds + 6, exp: nowSeconds + 60 },
    },
  },
  time: {
    "once exp and leeway are over [P06]": { now: common.exp + 5 },
    "a lifetime over 300 s": { claims: { exp: common.iat + 301 } },
  },
};

const person = { sub: "user:42", verdict: undefined, reason: "" };

const taken: Readonly<Record<string, readonly [sent: Sent, expected: object]>> = {
  "profile A in both headers": [{}, person],
  "profile A where both are accepted": [{ accept: both }, person],
  "the next key [P08]": [{ header: { kid: "next" }, signer: "nextA" }, person],
  "the previous key [P08]": [{ header: { kid: "previous" }, signer: "previousA" }, person],
  "a later patch of the line": [{ claims: { pv: "0.2.9" } }, person],
  "a client of another issuer": [
    { claims: { pv: "0.2.1", sub: "client:acme:ci" } },
    { ...person, sub: "client:acme:ci" },
  ],
  "profile S with a matching Txn-Token, both with further claims": [
    {
      of: "S",
      accept: ["S"],
      claims: { pv: "0.1.1", ext: { org: 1, tags: ["a"] } },
      txnToken: { claims: { pv: "0.2.1", ext: { org: 1, tags: ["a"] } } },
    },
    { ...person, verdict: "match" },
  ],
  "profile S alone, when both are expected": [
    { of: "S", accept: both, txnToken: null },
    { ...person, verdict: "absent" },
  ],
  "profile S with a matching Txn-Token of profile A": [
    { of: "S", accept: ["S"], txnToken: {} },
    { ...person, verdict: "match" },
  ],
  "profile S with a matching Txn-Token, where both are accepted": [
    { of: "S", accept: both, txnToken: {} },
    { ...person, verdict: "match" },
  ],
};

/** With a valid Passport of profile S: the Passport decides, and a mismatch is counted. */
const mismatches: Readonly<Record<string, readonly [txnToken: Token, reason: string]>> = {
  "another user": [{ claims: { sub: "user:43" } }, "differs"],
  "more roles": [{ claims: { roles: ["learner", "admin"] } }, "differs"],
  "another jti": [{ claims: { jti: "passport-2" } }, "differs"],
  "another login": [{ claims: { sid: "login-2" } }, "differs"],
  "an actor": [{ claims: { act: { sub: "user:9" } } }, "differs"],
  "further claims": [{ claims: { pv: "0.2.1", ext: { org: 1 } } }, "differs"],
  "a signature of an unknown key": [{ signer: "strangerA" }, "signature"],
  "an unknown key": [{ header: { kid: "other" } }, "unknown_key"],
  "a copy of the Passport of profile S": [{ of: "S" }, "header"],
  "two Txn-Tokens": [{ mangle: (token) => `${token}, ${token}` }, "format"],
  "garbage": [{ mangle: () => "x" }, "format"],
};

export const txnTokenCases: readonly Case[] = [
  ...Object.entries(refused).flatMap(([reason, rows]) =>
    Object.entries(rows).map(([what, sent]) => ({
      name: `a Passport of profile A is refused because of its ${reason}: ${what}`,
      async run() {
        assert.deepEqual(await judge(sent), { code: "passport_invalid", reason });
      },
    }))
  ),
  ...Object.entries(taken).map(([what, [sent, expected]]) => ({
    name: `a Passport is accepted across profiles: ${what}`,
    async run() {
      assert.deepEqual(await judge(sent), expected);
    },
  })),
  ...Object.entries(mismatches).map(([what, [txnToken, reason]]) => ({
    name: `profile S decides over a Txn-Token that does not match: ${what}`,
    async run() {
      const sent = { of: "S", accept: both, txnToken } as const;
      assert.deepEqual(await judge(sent), { ...person, verdict: "mismatch", reason });
    },
  })),
];
