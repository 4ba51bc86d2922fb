import { encodeBase64Url } from "@edgepass/shared/crypto";
import { randomToken } from "@edgepass/shared/ids";

const secretBytes = 32;

/** A secret of 256 random bits as base64url. */
export function makeSecret(): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(secretBytes)));
}

/** A value for `PASSPORT_KEYS`: one HMAC key that signs. */
export function makePassportKeys(): string {
  return JSON.stringify([{ kid: randomToken(8), secret: makeSecret(), state: "signing" }]);
}

/** A value for `ACCESS_TOKEN_KEYS`: a private JWK set (RFC 8037 §2) of one key that signs. */
export async function makeAccessTokenKeys(): Promise<string> {
  const { privateKey } = await generateEd25519();
  const { x, d } = await crypto.subtle.exportKey("jwk", privateKey);
  const kind = { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" };
  return JSON.stringify({ keys: [{ ...kind, kid: randomToken(8), x, d, state: "signing" }] });
}

async function generateEd25519(): Promise<CryptoKeyPair> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if ("privateKey" in pair) return pair;
  throw new TypeError("Cannot make a key pair: the runtime gave one key");
}
