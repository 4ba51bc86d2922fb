import assert from "node:assert/strict";
import { decodeBase64Url, encodeBase64Url } from "@edgepass/shared/crypto";
import { isObject, type Json } from "../support/json.ts";
import { createIssuerKey, type IssuerKey, signParts } from "./gateway_tokens.ts";

/** Signs with an installation's own keys, and with keys that only look like them. */
export interface Mint {
  /** An access token with another token's claims and the given changes. */
  again(token: string, claims?: Json, header?: Json): Promise<string>;
  /** The same claims, signed with another key under the installation's kid. */
  forge(token: string): Promise<string>;
  /** A Passport that the installation's services accept, apart from the given changes. */
  passport(claims?: Json, options?: { typ?: string; secret?: string }): Promise<string>;
}

const nowSeconds = () => Math.floor(Date.now() / 1000);

export async function createMint(settings: Readonly<Record<string, string>>): Promise<Mint> {
  const { kid, key } = await readSigningKey(settings);
  const otherKey = await createIssuerKey("EdDSA", kid);
  const [passportKey] = readArray(settings.PASSPORT_KEYS);
  assert.ok(isObject(passportKey));
  const header = { alg: "EdDSA", typ: "at+jwt", kid };
  return {
    again: (token, claims = {}, differing = {}) =>
      signParts({
        header: { ...header, ...differing },
        payload: { ...claimsOf(token), ...claims },
        key,
      }),
    forge: (token) => signParts({ header, payload: claimsOf(token), key: otherKey }),
    async passport(claims = {}, { typ = "passport+jwt", secret } = {}) {
      const iat = nowSeconds();
      const payload = {
        pv: "0.1.0",
        iss: settings.PUBLIC_ORIGIN,
        aud: settings.TRUST_DOMAIN ?? "edgepass.local",
        iat,
        exp: iat + 30,
        jti: crypto.randomUUID(),
        txn: crypto.randomUUID().replaceAll("-", ""),
        sub: `user:${crypto.randomUUID()}`,
        sid: crypto.randomUUID(),
        uv: 1,
        roles: ["learner", "instructor", "admin"],
        scope: "",
        cfg: 0,
        ...claims,
      };
      return await signParts({
        header: { alg: "HS256", typ, kid: passportKey.kid },
        payload,
        key: await hmacKey(secret ?? String(passportKey.secret)),
      });
    },
  };
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Json {
  const bytes = decodeBase64Url(token.split(".")[1] ?? "");
  const claims: unknown = JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array()));
  assert.ok(isObject(claims));
  return claims;
}

async function readSigningKey(
  settings: Readonly<Record<string, string>>,
): Promise<{ kid: string; key: Pick<IssuerKey, "sign"> }> {
  const set: unknown = JSON.parse(settings.ACCESS_TOKEN_KEYS ?? "");
  const [jwk] = isObject(set) && Array.isArray(set.keys) ? set.keys : [];
  assert.ok(isObject(jwk));
  const { kid, kty, crv, x, d } = Object.fromEntries(
    Object.entries(jwk).map(([name, value]) => [name, String(value)]),
  );
  const imported = { kty: kty ?? "", crv: crv ?? "", x: x ?? "", d: d ?? "" };
  const key = await crypto.subtle.importKey("jwk", imported, "Ed25519", false, ["sign"]);
  return { kid: kid ?? "", key: signer({ name: "Ed25519" }, key) };
}

async function hmacKey(secret: string): Promise<Pick<IssuerKey, "sign">> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const bytes = decodeBase64Url(secret) ?? new Uint8Array();
  return signer(algorithm, await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]));
}

function signer(algorithm: { name: string }, key: CryptoKey): Pick<IssuerKey, "sign"> {
  return {
    async sign(input) {
      return new Uint8Array(await crypto.subtle.sign(algorithm, key, input));
    },
  };
}

function readArray(text: string | undefined): readonly unknown[] {
  const value: unknown = JSON.parse(text ?? "");
  assert.ok(Array.isArray(value));
  return value;
}

/** A string in the form of a token, without a valid signature. */
export function unsignedToken(): string {
  return ["{}", "{}", "signature"].map((part) => encodeBase64Url(new TextEncoder().encode(part)))
    .join(".");
}
