import { encodeBase64Url } from "@edgepass/shared/crypto";
import { signAccessToken } from "@edgepass/shared/tokens";

/** People with a login each, and the settings of a gateway that accepts their tokens. */
export interface Scenario {
  readonly settings: Readonly<Record<string, string>>;
  /** The request of the n-th call: GET `path` with the cookie of one of the people. */
  request(path: string): (n: number) => Uint8Array;
}

export async function createScenario(
  { users, redis }: { users: number; redis: { port: number; token: string } },
): Promise<Scenario> {
  const origin = "http://127.0.0.1:8787";
  const pair = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const key = { kid: "a1", alg: "EdDSA", key: pair.privateKey } as const;
  const iat = Math.floor(Date.now() / 1000);
  const cookies = await Promise.all(Array.from({ length: users }, async (_, n) => {
    const token = await signAccessToken({
      iss: origin,
      aud: origin,
      sub: crypto.randomUUID(),
      iat,
      exp: iat + 900,
      jti: random(),
      sid: random(),
      uv: 1,
      roles: n % 10 === 0 ? ["learner", "instructor"] : ["learner"],
      scope: "",
    }, key);
    return `access_token=${token}`;
  }));
  const encoder = new TextEncoder();
  return {
    settings: {
      PUBLIC_ORIGIN: origin,
      JWKS: JSON.stringify({ keys: [{ ...jwk, kid: "a1", alg: "EdDSA", use: "sig" }] }),
      PASSPORT_KEYS: JSON.stringify([{ kid: "p1", secret: random(32), state: "signing" }]),
      UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${redis.port}`,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      REVOCATION_TIMEOUT_MS: "5000",
    },
    request(path) {
      const bytes = cookies.map((cookie) =>
        encoder.encode(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:8787\r\ncookie: ${cookie}\r\n\r\n`)
      );
      return (n) => bytes[n % bytes.length]!;
    },
  };
}

function random(bytes = 16): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(bytes)));
}
