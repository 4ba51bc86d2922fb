import { encodeBase64Url } from "@edgepass/shared/crypto";

/** The origin that a target's clients use; loopback hosts match on any port. */
export const publicOrigin = "http://127.0.0.1:8787";

/** The first administrator of every target. */
export const admin = { email: "admin@edgepass.local", password: "correct horse battery staple" };

/** New settings of one installation, without those of its Redis and its databases. */
export async function createSettings(
  redis: { url: string; token: string },
): Promise<Record<string, string>> {
  return {
    PUBLIC_ORIGIN: publicOrigin,
    PASSPORT_KEYS: JSON.stringify([{ kid: "p1", secret: randomSecret(), state: "signing" }]),
    ACCESS_TOKEN_KEYS: JSON.stringify({ keys: [await createAccessTokenKey("a1")] }),
    REFRESH_TOKEN_KEY: randomSecret(),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    // A test machine under load must not look like a broken Redis.
    REVOCATION_TIMEOUT_MS: "5000",
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: admin.password,
    LOG_LEVEL: "error",
  };
}

export function randomSecret(): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** A private JWK in the form of `ACCESS_TOKEN_KEYS`. */
export async function createAccessTokenKey(
  kid: string,
  state: "published" | "signing" | "retired" = "signing",
): Promise<Record<string, string>> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { kty, crv, x, d } = await crypto.subtle.exportKey(
    "jwk",
    (pair as CryptoKeyPair).privateKey,
  );
  return { kty: kty!, crv: crv!, x: x!, d: d!, kid, alg: "EdDSA", use: "sig", state };
}
