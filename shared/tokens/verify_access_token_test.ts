import assert from "node:assert/strict";
import fc from "fast-check";
import { sign as honoSign } from "hono/jwt";
import * as jose from "jose";
import {
  type AlgorithmName,
  importJwkSet,
  importSecret,
  type KeyRing,
  signJws,
  type VerificationKey,
} from "../crypto/mod.ts";
import { signAccessToken } from "./access_token.ts";
import { type AccessTokenIssuer, indexIssuers } from "./issuer.ts";
import { listChecks, type TokenCheck } from "./refusal.ts";
import { verifyAccessToken } from "./verify_access_token.ts";

// The refusals, row by row and on both runtimes, are in tests/suite/core/access_tokens.ts.

const nowSeconds = 1_800_000_000;
const claims = {
  iss: "https://auth.test",
  aud: "https://api.test",
  sub: "u-1",
  iat: nowSeconds,
  exp: nowSeconds + 600,
  jti: "j",
  sid: "s",
  uv: 1,
  roles: ["learner"],
  scope: "",
};

async function setup({ alias, maxLifeSeconds = 900, ...row }: Partial<AccessTokenIssuer> = {}) {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Expected a key pair");
  const { kty, crv, x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const ring: KeyRing = await importJwkSet({ keys: [{ kid: "k", kty, crv, x }] }, ["EdDSA"]);
  const lookedUp: string[] = [];
  const passed: TokenCheck[] = [];
  const verdictOf = (token: string, find: (kid: string) => VerificationKey | undefined) => {
    passed.length = 0;
    const issuer: AccessTokenIssuer = {
      ...(alias === undefined ? {} : { alias }),
      iss: claims.iss,
      audience: [claims.aud],
      algorithms: ["EdDSA", "ES256"],
      typ: ["jwt", "at+jwt", ""],
      claims: {},
      maxLifeSeconds,
      maxTokenBytes: 4096,
      ...row,
      findKey({ kid = "" }) {
        lookedUp.push(kid);
        return Promise.resolve(find(kid));
      },
    };
    return verifyAccessToken(token, {
      issuers: indexIssuers([issuer]),
      nowSeconds,
      leewaySeconds: 5,
      passed: (check) => passed.push(check),
    });
  };
  const verify = async (token: string, find = find0) => {
    const verdict = await verdictOf(token, find);
    return "refusal" in verdict ? verdict.refusal.code : verdict.token;
  };
  function find0(kid: string): VerificationKey | undefined {
    return ring.get(kid);
  }
  const { privateKey } = pair;
  return { verify, lookedUp, passed, privateKey, signing: sign(privateKey), ring };
}

function sign(key: CryptoKey) {
  return { kid: "k", alg: "EdDSA", key } as const;
}

const rows: Readonly<Record<string, Partial<AccessTokenIssuer>>> = {
  "our own issuer": {},
  "an issuer with one check": { alias: "acme" },
  "an issuer with every check": {
    alias: "acme",
    iss: "https://auth.test/{sid}",
    tenants: ["s"],
    clients: { claim: "sid", allow: ["s"] },
    require: { uv: [1], jti: ["j"] },
  },
};
for (const [what, row] of Object.entries(rows)) {
  Deno.test(`verifyAccessToken reports every check of ${what} in its order`, async () => {
    const { verify, passed, signing } = await setup(row);
    const iss = row.iss?.replace("{sid}", "s") ?? claims.iss;
    const accepted = await verify(await signAccessToken({ ...claims, iss }, signing));
    assert.ok(typeof accepted !== "string");
    assert.deepEqual(passed, listChecks(issuerOf(row)));
    const expired = await signAccessToken(
      { ...claims, iss, iat: nowSeconds - 600, exp: nowSeconds - 60 },
      signing,
    );
    assert.equal(await verify(expired), "token_expired");
    assert.deepEqual(passed, listChecks(issuerOf(row)).slice(0, -1));
  });
}

/** A row of which only the checks matter. */
function issuerOf(row: Partial<AccessTokenIssuer>): AccessTokenIssuer {
  return {
    iss: claims.iss,
    algorithms: [],
    typ: [],
    claims: {},
    maxLifeSeconds: 0,
    maxTokenBytes: 0,
    findKey: () => Promise.resolve(undefined),
    ...row,
  };
}

Deno.test("verifyAccessToken accepts what signAccessToken signs", async () => {
  const { verify, signing } = await setup();
  const { aud: _, ...rest } = claims;
  assert.deepEqual(await verify(await signAccessToken(claims, signing)), {
    ...rest,
    kid: "k",
    kind: "user",
  });
});

Deno.test("verifyAccessToken accepts what jose signs with our header", async () => {
  const { verify, privateKey } = await setup();
  const token = await new jose.SignJWT(claims)
    .setProtectedHeader({ kid: "k", typ: "at+jwt", alg: "EdDSA" }).sign(privateKey);
  assert.notEqual(typeof await verify(token), "string");
});

Deno.test("verifyAccessToken accepts what hono/jwt signs for another issuer, and not for ours", async () => {
  const jwk = async (key: CryptoKey) => ({
    ...await crypto.subtle.exportKey("jwk", key),
    alg: "EdDSA",
    kid: "k",
  });
  const ours = await setup();
  assert.equal(
    await ours.verify(await honoSign(claims, await jwk(ours.privateKey))),
    "token_invalid",
  );
  const theirs = await setup({ alias: "idp" });
  const token = await honoSign(claims, await jwk(theirs.privateKey));
  assert.notEqual(typeof await theirs.verify(token), "string");
});

Deno.test("no text that differs in one character from an access token is accepted", async () => {
  const { verify, signing } = await setup();
  const token = await signAccessToken(claims, signing);
  const character = fc.oneof(
    fc.constantFrom(..."ABCXYZabcxyz019-_=+/. \n,"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length), character, fc.nat(1), async (at, char, removed) => {
      const changed = token.slice(0, at) + char + token.slice(at + removed);
      fc.pre(changed !== token);
      assert.equal(await verify(changed), "token_invalid", JSON.stringify(changed));
    }),
    { numRuns: 300 },
  );
});

Deno.test("verifyAccessToken never trusts a shared secret, whatever the key source hands out [RFC 8725 §3.1]", async () => {
  const { verify } = await setup();
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const key = await importSecret({ kid: "k", secret });
  assert.equal(
    await verify(await signJws(claims, { typ: "at+jwt", key }), () => key),
    "token_invalid",
  );
});

Deno.test("our own issuer may shorten the life of tokens and not lengthen it", async () => {
  const short = await setup({ maxLifeSeconds: 599 });
  assert.equal(await short.verify(await signAccessToken(claims, short.signing)), "token_invalid");
  const long = await setup({ maxLifeSeconds: 86_400 });
  const token = await signJws({ ...claims, exp: claims.iat + 901 }, {
    typ: "at+jwt",
    key: long.signing,
  });
  assert.equal(await long.verify(token), "token_invalid");
});

Deno.test("a kid that is not a text never reaches the key source", async () => {
  const { verify, lookedUp, signing } = await setup({ alias: "idp" });
  const [, payload, signature] = (await signAccessToken(claims, signing)).split(".");
  for (
    const header of [
      '{"alg":"EdDSA","kid":""}',
      '{"alg":"EdDSA","kid":1}',
      '{"alg":"EdDSA","kid":{}}',
    ]
  ) {
    assert.equal(
      await verify(`${btoa(header).replace(/=+$/, "")}.${payload}.${signature}`),
      "token_invalid",
    );
  }
  assert.deepEqual(lookedUp, []);
});

/** A key whose use throws: a token that is refused before it never reached Web Crypto. */
function trap(alg: AlgorithmName): VerificationKey {
  return {
    kid: "k",
    alg,
    get key(): CryptoKey {
      throw new Error("The key was used");
    },
  };
}

const cheap = {
  "5 MB of token": [(token: string) => token.padEnd(5_000_000, "A"), 0],
  "5 MB of dots": [() => ".".repeat(5_000_000), 0],
  "garbage": [() => "garbage", 0],
  "garbage in three segments": [() => "AAAA.AAAA.AAAA", 0],
  "a good header and garbage": [(token: string) => `${token.split(".")[0]}.AAAA.AAAA`, 0],
  "another issuer": [(token: string) => token.replace(/\.[^.]+/, `.${btoa('{"iss":"x"}')}`), 0],
  "an alg that is not the key's": [(token: string) => token, 1],
} as const;
for (const [what, [change, lookups]] of Object.entries(cheap)) {
  Deno.test(`verifyAccessToken refuses ${what} without Web Crypto [T13]`, async () => {
    const { verify, lookedUp, signing } = await setup();
    const token = change(await signAccessToken(claims, signing));
    assert.equal(await verify(token, () => trap("ES256")), "token_invalid");
    assert.equal(lookedUp.length, lookups);
  });
}

Deno.test("the key of these tests throws when it is used", async () => {
  const { verify, signing } = await setup();
  const token = await signAccessToken(claims, signing);
  await assert.rejects(verify(token, () => trap("EdDSA")), /The key was used/);
});
