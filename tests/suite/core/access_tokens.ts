import assert from "node:assert/strict";
import type { AccessToken, AccessTokenIssuer, TokenVerdict } from "@edgepass/shared/tokens";
import {
  type Change,
  judge,
  leewaySeconds,
  nowSeconds,
  ourClaims,
  ourHeader,
  theirClaims,
} from "./access_token_environment.ts";
import type { Case } from "./case.ts";
import { jsonTricks, textTricks } from "./text_tricks.ts";

const external: Partial<AccessTokenIssuer> = {};
const without = (name: string) => ({ claims: { [name]: undefined } });
const expired = { iat: nowSeconds - 700, exp: nowSeconds - 100 };

const headerRefusals: Readonly<Record<string, Change>> = {
  "alg none [RFC 8725 §3.1]": { header: { alg: "none" } },
  "alg none without a signature": {
    header: { alg: "none" },
    mangle: (token) => token.slice(0, token.lastIndexOf(".") + 1),
  },
  "alg nOnE": { header: { alg: "nOnE" } },
  "HS256 under the public key [RFC 8725 §2.1]": { header: { alg: "HS256" }, signer: "hmac" },
  "an HMAC that claims EdDSA": { signer: "hmac" },
  "alg of another asymmetric key": { header: { alg: "ES256" } },
  "alg in another case": { header: { alg: "eddsa" } },
  "alg Ed25519 [RFC 9864]": { header: { alg: "Ed25519" } },
  "alg in a list": { header: { alg: ["EdDSA"] } },
  "no alg": { header: { alg: undefined } },
  "no kid": { header: { kid: undefined } },
  "an unknown kid": { header: { kid: "other" } },
  "an empty kid": { header: { kid: "" } },
  "a kid that names a prototype": { header: { kid: "__proto__" } },
  "a kid that names a method": { header: { kid: "constructor" } },
  "a kid that is a path": { header: { kid: "../../dev/null" } },
  "a kid that is a number": { header: { kid: 0 } },
  "a kid in a list": { header: { kid: ["own"] } },
  "the kid of another issuer's key": { header: { kid: "external" } },
  "no typ [RFC 9068 §4]": { header: { typ: undefined } },
  "typ JWT [RFC 8725 §3.11]": { header: { typ: "JWT" } },
  "typ of a Passport": { header: { typ: "passport+jwt" } },
  "typ in another case": { header: { typ: "AT+JWT" } },
  "typ with its media type": { header: { typ: "application/at+jwt" } },
  "typ in a list": { header: { typ: ["at+jwt"] } },
  "a key of its own in jwk [RFC 8725 §3.10]": {
    header: { jwk: { kty: "OKP", crv: "Ed25519", x: "AA" } },
    signer: "stranger",
  },
  "jku": { header: { jku: "https://evil.test/jwks.json" } },
  "x5u": { header: { x5u: "https://evil.test/cert.pem" } },
  "x5c": { header: { x5c: ["AA"] } },
  "crit [RFC 7515 §4.1.11]": { header: { crit: ["exp"], exp: 1 } },
  "an empty crit": { header: { crit: [] } },
  "b64 false [RFC 7797]": { header: { b64: false } },
  "zip": { header: { zip: "DEF" } },
  "enc": { header: { enc: "A256GCM" } },
  "any other member": { header: { cty: "json" } },
  "a member named __proto__": {
    header: JSON.stringify(ourHeader).replace("{", '{"__proto__":{"x":1},'),
  },
};

const foreignHeaderRefusals: Readonly<Record<string, Change>> = Object.fromEntries(
  Object.entries<Change>({
    "jwk": { header: { jwk: { kty: "EC" } } },
    "jku": { header: { jku: "https://evil.test" } },
    "x5u": { header: { x5u: "https://evil.test" } },
    "crit": { header: { crit: ["exp"] } },
    "b64": { header: { b64: true } },
    "zip": { header: { zip: "DEF" } },
    "enc": { header: { enc: "A256GCM" } },
    "a typ that is not configured": { header: { typ: "id+jwt" } },
    "a typ that is not a string": { header: { typ: 1 } },
    "typ null": { header: { typ: null } },
    "no kid, where that names no key": { header: { kid: undefined } },
    "the kid of our key": { header: { kid: "own", alg: "EdDSA" }, signer: "own" },
    "alg of our key": { header: { alg: "EdDSA" } },
  }).map(([what, change]) => [`another issuer's token with ${what}`, { external, ...change }]),
);

const claimRefusals: Readonly<Record<string, Change>> = {
  ...Object.fromEntries(
    ["iss", "aud", "sub", "iat", "exp", "jti", "sid", "uv"].map((name) => [
      `no ${name}${name === "exp" ? " [RFC 9068 §2.2]" : ""}`,
      without(name),
    ]),
  ),
  "an unknown issuer [RFC 8725 §3.8]": { claims: { iss: "https://evil.test" } },
  "an issuer that is only a prefix": { claims: { iss: "https://auth.tes" } },
  "an issuer with a trailing slash": { claims: { iss: "https://auth.test/" } },
  "an issuer in a list": { claims: { iss: ["https://auth.test"] } },
  "the issuer of another key": { claims: { iss: "https://idp.test" } },
  "an issuer that names a prototype": { claims: { iss: "__proto__" } },
  "another audience [RFC 8725 §3.9]": { claims: { aud: "https://other.test" } },
  "an audience that contains ours": { claims: { aud: "https://api.test.evil.test" } },
  "our audience in a list": { claims: { aud: ["https://api.test"] } },
  "an empty subject": { claims: { sub: "" } },
  "an e-mail address as subject": { claims: { sub: "a@b.test" } },
  "a subject of another issuer's name space": { claims: { sub: "idp:42" } },
  "a subject that is a number": { claims: { sub: 42 } },
  "a jti that is a number": { claims: { jti: 1 } },
  "a sid that is empty": { claims: { sid: "" } },
  "a uv that is a string": { claims: { uv: "7" } },
  "a uv that is negative": { claims: { uv: -1 } },
  "a uv that is a fraction": { claims: { uv: 1.5 } },
  "roles in a string": { claims: { roles: "admin" } },
  "roles that are not strings": { claims: { roles: [1] } },
  "more than 64 roles": { claims: { roles: Array.from({ length: 65 }, () => "r") } },
  "scope in a list": { claims: { scope: ["read"] } },
  "exp as a string": { claims: { exp: String(ourClaims.exp) } },
  "exp as a fraction": { claims: { exp: ourClaims.exp + 0.5 } },
  "exp beyond the range of numbers": {
    payload: JSON.stringify(ourClaims).replace(`"exp":${ourClaims.exp}`, '"exp":1e999'),
  },
  "exp null": { claims: { exp: null } },
  "iat as a string": { claims: { iat: String(ourClaims.iat) } },
  "iat that is negative": { claims: { iat: -1, exp: 1 } },
  "iat in the future": { claims: { iat: nowSeconds + leewaySeconds + 1 } },
  "nbf in the future [RFC 7519 §4.1.5]": { claims: { nbf: nowSeconds + leewaySeconds + 1 } },
  "nbf as a string": { claims: { nbf: "0" } },
  "a lifetime over 900 s": { claims: { exp: ourClaims.iat + 901 } },
  "a lifetime of zero": { claims: { exp: ourClaims.iat } },
  "an exp before its iat": { claims: { exp: ourClaims.iat - 1 } },
};

const foreignClaimRefusals: Readonly<Record<string, Change>> = Object.fromEntries(
  Object.entries<Change>({
    "no aud": without("aud"),
    "no sub": without("sub"),
    "no exp": without("exp"),
    "another audience": { claims: { aud: "other" } },
    "audiences without ours": { claims: { aud: ["edgepass.evil", "edge"] } },
    "an empty list of audiences": { claims: { aud: [] } },
    "an audience that is a number": { claims: { aud: [1, "edgepass"] } },
    "a subject of 257 characters": { claims: { sub: "a".repeat(257) } },
    "a lifetime over its issuer's limit": { claims: { exp: theirClaims.iat + 3601 } },
    "two scopes in one member": { claims: { scope: ["read write"] } },
    "a scope with a quote": { claims: { scope: 'read"' } },
    "a scope that is a number": { claims: { scope: 1 } },
    "a role that is empty": { claims: { roles: "" } },
    "roles that are an object": { claims: { roles: { admin: true } } },
    "a jti that is a number": { claims: { jti: 1 } },
  }).map(([what, change]) => [`another issuer's token with ${what}`, { external, ...change }]),
);

const timeRefusals: Readonly<Record<string, Change>> = {
  "once exp and leeway are over": { now: ourClaims.exp + leewaySeconds },
  "once exp is over, without a leeway": { now: ourClaims.exp, leeway: 0 },
  "of another issuer once exp and leeway are over": {
    external,
    now: theirClaims.exp + leewaySeconds,
  },
};

const precedence: Readonly<Record<string, Change>> = {
  "a signature of an unknown key": { signer: "stranger" },
  "a signature of an unknown key on an expired token [T10]": {
    signer: "stranger",
    claims: expired,
  },
  "another key of the same issuer": { signer: "rotated" },
  "an expired token for another audience": { claims: { ...expired, aud: "other" } },
  "an expired token whose lifetime was too long": {
    claims: { ...expired, iat: nowSeconds - 5000 },
  },
};

const invalid: Readonly<Record<string, Change>> = {
  ...headerRefusals,
  ...foreignHeaderRefusals,
  ...claimRefusals,
  ...foreignClaimRefusals,
  ...precedence,
  ...Object.fromEntries(
    Object.entries(textTricks).map(([what, mangle]): [string, Change] => [what, { mangle }]),
  ),
  ...Object.fromEntries(
    Object.entries(jsonTricks).map(([what, trick]): [string, Change] => [
      `${what} as payload`,
      { payload: trick(JSON.stringify(ourClaims)) },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(jsonTricks).flatMap(([what, trick]): [string, Change][] => {
      const header = trick(JSON.stringify(ourHeader));
      return typeof header === "string" ? [[`${what} as header`, { header }]] : [];
    }),
  ),
};

/** Tokens whose claims are mapped on reading, or that lie exactly on a limit. */
const accepted: Readonly<Record<string, readonly [change: Change, expected: object]>> = {
  "our own token": [{}, {
    iss: ourClaims.iss,
    kid: "own",
    kind: "user",
    sub: ourClaims.sub,
    iat: ourClaims.iat,
    exp: ourClaims.exp,
    jti: "token-1",
    sid: "login-1",
    uv: 7,
    roles: ["learner"],
    scope: "read write",
  }],
  "another issuer's token, under its alias": [{ external }, {
    alias: "idp",
    iss: theirClaims.iss,
    kid: "external",
    kind: "user",
    sub: "auth0|42",
    iat: theirClaims.iat,
    exp: theirClaims.exp,
    roles: [],
    scope: "",
  }],
  "unknown claims": [{ claims: { x: 1 } }, { sub: ourClaims.sub }],
  "no client_id, roles or scope": [
    { claims: { client_id: undefined, roles: undefined, scope: undefined } },
    { roles: [], scope: "" },
  ],
  "a key in rotation": [{ header: { kid: "rotated" }, signer: "rotated" }, { kid: "rotated" }],
  "the last moment of its leeway": [
    { now: ourClaims.exp + leewaySeconds - 0.001 },
    { exp: ourClaims.exp },
  ],
  "iat at the edge of the leeway": [{ now: ourClaims.iat - leewaySeconds }, {}],
  "nbf at the edge of the leeway": [{ claims: { nbf: nowSeconds + leewaySeconds } }, {}],
  "a lifetime of exactly 900 s": [{ claims: { exp: ourClaims.iat + 900 } }, {}],
  "a lifetime of exactly its issuer's limit": [
    { external, claims: { exp: theirClaims.iat + 3600 } },
    {},
  ],
  "another issuer's single audience": [{ external, claims: { aud: "edgepass" } }, {}],
  "another issuer's header without typ": [{ external, header: { typ: undefined } }, {}],
  "another issuer's header with a second accepted typ": [
    { external, header: { typ: "at+jwt" } },
    {},
  ],
  "another issuer's header with a harmless member": [{ external, header: { cat: "x" } }, {}],
  "another issuer's scope in a list": [
    { external: { claims: { scope: "scp" } }, claims: { scp: ["a", "b"] } },
    { scope: "a b" },
  ],
  "another issuer's scope with extra spaces": [
    { external, claims: { scope: " a  b " } },
    { scope: "a b" },
  ],
  "another issuer's single role with a space": [
    { external, claims: { roles: "Super admin" } },
    { roles: ["Super admin"] },
  ],
  "another issuer's roles at a path": [
    {
      external: { claims: { roles: ["realm_access", "roles"] } },
      claims: { realm_access: { roles: ["teacher"] }, roles: ["admin"] },
    },
    { roles: ["teacher"] },
  ],
  "another issuer's claim whose name looks like a path": [
    {
      external: { claims: { roles: "https://idp.test/roles.all", sid: "session_id" } },
      claims: { "https://idp.test/roles.all": ["teacher"], session_id: "s", sid: "not this" },
    },
    { roles: ["teacher"], sid: "s" },
  ],
  "another issuer's mapped claim that is absent": [
    {
      external: { claims: { roles: ["a", "b"], sid: "constructor" } },
      claims: { roles: ["admin"], sid: "s", a: null },
    },
    { roles: [], sid: undefined },
  ],
  "another issuer's path through a string": [
    { external: { claims: { jti: ["sub", "length"] } }, claims: { jti: "x" } },
    { jti: undefined },
  ],
};

function codeOf(verdict: TokenVerdict): string {
  return "refusal" in verdict ? verdict.refusal.code : "accepted";
}

function tokenOf(verdict: TokenVerdict): AccessToken {
  if ("refusal" in verdict) assert.fail(verdict.refusal.reason);
  return verdict.token;
}

export const accessTokenCases: readonly Case[] = [
  ...Object.entries(invalid).map(([what, change]) => ({
    name: `an access token is refused as token_invalid: ${what}`,
    async run() {
      assert.equal(codeOf(await judge(change)), "token_invalid");
    },
  })),
  ...Object.entries(timeRefusals).map(([what, change]) => ({
    name: `an access token is refused as token_expired: ${what}`,
    async run() {
      assert.equal(codeOf(await judge(change)), "token_expired");
    },
  })),
  ...Object.entries(accepted).map(([what, [change, expected]]) => ({
    name: `an access token is accepted: ${what}`,
    async run() {
      const token = tokenOf(await judge(change));
      const read = Object.fromEntries(
        Object.keys(expected).map((name) => [name, Reflect.get(token, name)]),
      );
      assert.deepEqual(read, expected);
    },
  })),
  {
    name: "a verified access token has only the documented members",
    async run() {
      const expected = accepted["our own token"]?.[1];
      assert.deepEqual(tokenOf(await judge({})), expected);
      assert.deepEqual(
        tokenOf(await judge({ external })),
        accepted["another issuer's token, under its alias"]?.[1],
      );
    },
  },
];
