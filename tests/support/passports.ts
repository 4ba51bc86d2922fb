import { encodeBase64Url, importSecret, signJws } from "@edgepass/shared/crypto";
import { type PassportClaims, profiles } from "@edgepass/shared/passport";

/** The caller, and further claims of a Passport. */
export type PassportOverrides = Partial<Omit<PassportClaims, "roles">> & {
  readonly roles?: readonly string[];
};

/** A test's own trust domain. */
export interface TestPassports {
  /** The settings with which a service verifies this trust domain. */
  readonly bindings: Readonly<Record<string, string>>;
  /** A Passport as the gateway would sign it; by default a user's, without roles. */
  sign(claims?: PassportOverrides): Promise<string>;
}

const issuer = "http://gateway.test";
const trustDomain = "edgepass.test";

/** Creates a trust domain with a new key; `now` is epoch milliseconds. */
export function createPassports({ now = Date.now }: { now?: () => number } = {}): TestPassports {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const keys = [{ kid: "test", secret: encodeBase64Url(secret), state: "signing" }];
  const key = importSecret({ kid: "test", secret });
  return {
    bindings: {
      PASSPORT_KEYS: JSON.stringify(keys),
      TRUST_DOMAIN: trustDomain,
      ISSUER: issuer,
      LOG_LEVEL: "error",
    },
    async sign(overrides = {}) {
      const iat = Math.floor(now() / 1000);
      const subject = overrides.sub ?? `user:${crypto.randomUUID()}`;
      const claims = {
        pv: profiles.S.versions[0],
        iss: issuer,
        aud: trustDomain,
        iat,
        exp: iat + 30,
        jti: crypto.randomUUID(),
        txn: crypto.randomUUID().replaceAll("-", ""),
        sub: subject,
        ...(subject.startsWith("user:") ? { sid: crypto.randomUUID(), uv: 1 } : {}),
        roles: [],
        scope: "",
        cfg: 0,
        ...overrides,
      };
      return await signJws(claims, { typ: profiles.S.typ, key: await key });
    },
  };
}
