import assert from "node:assert/strict";
import fc from "fast-check";
import { importKeyPair, importSecret, signJws } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import { type PassportClaims, profileNames, profiles } from "@edgepass/shared/passport";
import { measurePassport } from "./passport_claims.ts";
import { createRequireSignable, createSignPassport, describePassport } from "./passport.ts";

const log = createLogger({ service: "test", sink: () => {} });

async function createKeys() {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  assert.ok("privateKey" in pair);
  const { x = "", d = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const A = await importKeyPair("a-1", { kty: "OKP", crv: "Ed25519", x, d });
  assert.ok(A);
  const S = await importSecret({ kid: "s", secret: crypto.getRandomValues(new Uint8Array(32)) });
  return { S, A };
}

const nowSeconds = 1_800_000_000;
const claims: PassportClaims = {
  pv: "0.1.1",
  iss: "https://api.test",
  aud: "edgepass.test",
  iat: nowSeconds,
  exp: nowSeconds + 30,
  jti: "passport-1",
  txn: "4bf92f3577b34da6a3ce929d0e0e4736",
  sub: "user:42",
  roles: [],
  scope: "",
  cfg: 0,
};

Deno.test("a Passport is measured to the byte without being signed", async () => {
  const keys = await createKeys();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" })), async (roles) => {
      for (const profile of profileNames) {
        const key = keys[profile];
        const all = { ...claims, roles };
        const signed = await signJws(all, { typ: profiles[profile].typ, key });
        assert.equal(measurePassport(profile, { claims: all, kid: key.kid }), signed.length);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("a Passport of the default policy has the bytes that version 0.1.0 signed", async () => {
  const { S } = await createKeys();
  const sign = createSignPassport(
    { issuer: claims.iss, audience: claims.aud, signingKeys: { S }, configurationVersion: 7 },
    { now: () => nowSeconds * 1000, log },
  );
  const bearers = {
    ours: {
      kind: "user",
      iss: "i",
      kid: "k",
      sub: "42",
      iat: 1,
      exp: 2,
      jti: "t",
      sid: "login-1",
      uv: 3,
      roles: ["learner", "admin"],
      scope: "read",
    },
    theirs: {
      kind: "user",
      alias: "acme",
      iss: "i",
      kid: "k",
      sub: "a|7",
      iat: 1,
      exp: 2,
      roles: [],
      scope: "",
    },
  } as const;
  const head = `{"pv":"0.1.0","iss":"${claims.iss}","aud":"${claims.aud}","iat":${nowSeconds},` +
    `"exp":${nowSeconds + 30},"jti":"…","txn":"${claims.txn}",`;
  const expected = [
    [
      bearers.ours,
      '"sub":"user:42","sid":"login-1","roles":["learner","admin"],"scope":"read","uv":3',
    ],
    [bearers.theirs, '"sub":"user:acme:a|7","roles":[],"scope":""'],
    ["anonymous", '"sub":"anon","roles":[],"scope":""'],
    ["gateway", '"sub":"svc:gateway","roles":[],"scope":""'],
  ] as const;
  for (const [bearer, identity] of expected) {
    const { token } = await sign(bearer, claims.txn);
    const [header = "", payload = ""] = token.split(".").map((part) =>
      new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" }))
    );
    assert.equal(header, '{"alg":"HS256","typ":"passport+jwt","kid":"s"}');
    assert.equal(payload.replace(/"jti":"[\w-]{22}"/, '"jti":"…"'), `${head}${identity},"cfg":7}`);
  }
});

Deno.test("a span has the names of further claims, and no value of them", async () => {
  const { S } = await createKeys();
  const sign = createSignPassport(
    { issuer: claims.iss, audience: claims.aud, signingKeys: { S }, policy: "0.1.1" },
    { now: () => nowSeconds * 1000, log },
  );
  const extra = { nick: "hunter2", tags: ["hunter2"] };
  const token = { kind: "user", alias: "acme", iss: "i", kid: "k", sub: "7", exp: 2 } as const;
  const bearer = { ...token, roles: ["learner"], scope: "", tenant: "t-1", extra };
  const result = await sign(bearer, claims.txn);
  assert.deepEqual(result.claims.ext, extra);
  const attributes = describePassport({ result });
  assert.ok(!JSON.stringify(attributes).includes("hunter2"));
  assert.deepEqual(attributes["edgepass.passport.ext"], ["nick", "tags"]);
  assert.equal(attributes["edgepass.passport.tenant"], "t-1");
});

Deno.test("no Passport over 4096 bytes is signed, even of a token that was not checked before [P14]", async () => {
  const { S } = await createKeys();
  const options = { issuer: claims.iss, audience: claims.aud, signingKeys: { S } };
  const effects = { now: () => nowSeconds * 1000, log };
  const sign = createSignPassport(options, effects);
  const requireSignable = createRequireSignable(options, effects);
  const token = { kind: "user", alias: "acme", iss: "i", kid: "k", sub: "7", exp: 2 } as const;
  const bearer = (roles: number) => ({ ...token, roles: Array(roles).fill("role-7"), scope: "" });
  let most = 0;
  for (let roles = 250; roles < 350; roles++) {
    const refusal = { code: "token_invalid", reason: "too_large" };
    const { length } = await sign(bearer(roles), claims.txn).then(({ token }) => token, (error) => {
      assert.deepEqual([error.code, error.reason], ["token_invalid", "too_large"]);
      assert.throws(() => requireSignable(bearer(roles), "/"), refusal);
      return "";
    });
    if (length > 0) requireSignable(bearer(roles), "/");
    most = Math.max(most, length);
  }
  assert.ok(most > 4080 && most <= 4096, String(most));
});
