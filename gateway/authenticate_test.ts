import { importKeyPair, type KeyName, toSecret } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import { indexIssuers, signAccessToken } from "@edgepass/shared/tokens";
import assert from "node:assert/strict";
import { waitUntil } from "../tests/support/wait.ts";
import { createAuthenticate } from "./authenticate.ts";
import { createIssuers } from "./issuers.ts";

const iss = "https://auth.test";
const begin = 1_800_000_000;

async function makeKey(kid: string) {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  assert.ok("privateKey" in pair);
  const { x = "", d = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const signing = await importKeyPair(kid, { kty: "OKP", crv: "Ed25519", x, d });
  assert.ok(signing);
  return { signing, jwk: { kid, kty: "OKP", crv: "Ed25519", x, alg: "EdDSA", use: "sig" } };
}

/** An issuer whose key set and clock the test controls; `verified` counts signature checks. */
async function setup({ maxCached = 10, maxAge = 60, maxCachedBytes = 100_000 } = {}) {
  const key = await makeKey("k");
  const state = { seconds: begin, set: [key.jwk], fetches: 0, verified: 0 };
  const now = () => state.seconds * 1000;
  const issuers = createIssuers([{
    iss,
    audience: iss,
    algorithms: ["EdDSA"],
    jwks: () => {
      state.fetches++;
      const headers = { "cache-control": `max-age=${maxAge}` };
      return Promise.resolve(Response.json({ keys: state.set }, { headers }));
    },
  }], { now, log: createLogger({ service: "test", sink: () => {} }) });
  const counted = indexIssuers(issuers.all.map((issuer) => ({
    ...issuer,
    findKey(name: KeyName) {
      state.verified++;
      return issuer.findKey(name);
    },
  })));
  const authenticate = createAuthenticate({
    issuers: counted,
    leewaySeconds: 5,
    now,
    maxCached,
    maxCachedBytes,
  });
  return {
    key,
    state,
    current: () => issuers.find(iss)?.issuer.currentKey({ kid: "k", alg: "EdDSA" }),
    show: (token: string) => authenticate({ kind: "one", token: toSecret(token) }),
    token: (claims: { jti?: string; iat?: number } = {}) => {
      const { iat = state.seconds, jti = crypto.randomUUID() } = claims;
      const own = { iss, aud: iss, sub: "u", iat, exp: iat + 600, jti, sid: "s", uv: 1 };
      return signAccessToken({ ...own, roles: [], scope: "" }, key.signing);
    },
  };
}

Deno.test("a token that was verified before is refused when it has expired", async () => {
  const { show, state, token } = await setup({ maxAge: 3_600 });
  const text = await token();
  await show(text);
  await show(text);
  assert.equal(state.verified, 1, "it is cached");
  state.seconds = begin + 604;
  await show(text);
  assert.equal(state.verified, 1);
  state.seconds = begin + 605;
  await assert.rejects(show(text), { code: "token_expired" });
  await assert.rejects(show(text), { code: "token_expired" });
  assert.equal(state.verified, 2, "an expired token is removed from the cache");
});

Deno.test("a token that was verified before is refused when its issuer has withdrawn the key", async () => {
  const { show, state, token, current } = await setup();
  const text = await token();
  await show(text);
  state.set = [(await makeKey("another")).jwk];
  state.seconds = begin + 61;
  await show(text);
  await waitUntil("the set is read again", () => current() === undefined, 5_000);
  await assert.rejects(show(text), { code: "token_invalid" });
});

Deno.test("a token that was verified before is refused when its kid names another key", async () => {
  const { show, state, token, current } = await setup();
  const text = await token();
  await show(text);
  const before = current();
  state.set = [(await makeKey("k")).jwk];
  state.seconds = begin + 61;
  await waitUntil("the set is read again", () => current() !== before, 5_000);
  await assert.rejects(show(text), { code: "token_invalid" });
});

Deno.test("no part of a cached token makes another token valid", async () => {
  const { show, state, token } = await setup();
  const [one, two] = [await token(), await token({ iat: begin - 60 })];
  await show(one);
  const [header = "", claims = "", signature = ""] = one.split(".");
  const [, otherClaims = "", otherSignature = ""] = two.split(".");
  const mixed = [
    [header, otherClaims, signature],
    [header, claims, otherSignature],
    [header, claims, ""],
    [header, claims],
  ];
  for (const parts of mixed) {
    await assert.rejects(show(parts.join(".")), { code: "token_invalid" });
  }
  assert.equal(state.verified, 3, "the two invalid texts need no key");
});

Deno.test("the cache has a maximum size and evicts the oldest tokens first", async () => {
  const { show, state, token } = await setup({ maxCached: 3 });
  const tokens = await Promise.all(Array.from({ length: 5 }, () => token()));
  for (const each of tokens) await show(each);
  assert.equal(state.verified, 5);
  for (const each of tokens.slice(2)) await show(each);
  assert.equal(state.verified, 5, "the last three are cached");
  for (const each of tokens.slice(0, 2)) await show(each);
  assert.equal(state.verified, 7, "the first two were evicted");
});

Deno.test("the cache has a maximum of bytes: large tokens leave room for fewer", async () => {
  const { show, state, token } = await setup({ maxCachedBytes: 1_000 });
  const tokens = await Promise.all(Array.from({ length: 3 }, () => token()));
  assert.ok(tokens.every(({ length }) => length > 334 && length < 500), String(tokens[0]?.length));
  for (const each of tokens) await show(each);
  for (const each of tokens.slice(1)) await show(each);
  assert.equal(state.verified, 3, "the last two are cached");
  await show(tokens[0] ?? "");
  assert.equal(state.verified, 4, "the first was evicted");
});

Deno.test("a refused token is not cached", async () => {
  const { show, state } = await setup();
  const { signing: forger } = await makeKey("k");
  const exp = begin + 600;
  const claims = { iss, aud: iss, sub: "u", iat: begin, exp, jti: "j", sid: "s", uv: 1 };
  const forged = await signAccessToken({ ...claims, roles: [], scope: "" }, forger);
  await assert.rejects(show(forged), { code: "token_invalid" });
  await assert.rejects(show(forged), { code: "token_invalid" });
  assert.equal(state.verified, 2);
});
