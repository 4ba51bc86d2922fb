import { importSecret } from "@edgepass/shared/crypto";
import {
  type AccessTokenIssuer,
  indexIssuers,
  type Issuers,
  type RefusalReason,
  type TokenVerdict,
  verifyAccessToken,
} from "@edgepass/shared/tokens";
import { forge, makePair } from "./keys.ts";

export const nowSeconds = 1_800_000_000;
export const leewaySeconds = 5;

export const ours = "https://auth.test";
export const theirs = "https://idp.test";

/** Keys of the two issuers, and of a third party that is neither. */
export async function makeKeys() {
  const [own, rotated, external, stranger, impostor] = await Promise.all([
    makePair("own"),
    makePair("rotated"),
    makePair("external", "ES256"),
    // A third party's keys under the kids of our key, and of the other issuer's.
    makePair("own"),
    makePair("external", "ES256"),
  ]);
  const secret = new TextEncoder().encode(JSON.stringify(own.publicJwk));
  return {
    own,
    rotated,
    external,
    stranger,
    impostor,
    hmac: await importSecret({ kid: "own", secret }),
  };
}
export type Keys = Awaited<ReturnType<typeof makeKeys>>;

export const ourHeader = { alg: "EdDSA", typ: "at+jwt", kid: "own" };
export const ourClaims = {
  iss: ours,
  aud: "https://api.test",
  sub: "0198c0de-user",
  iat: nowSeconds - 10,
  exp: nowSeconds + 590,
  jti: "token-1",
  sid: "login-1",
  uv: 7,
  auth_time: nowSeconds - 10,
  amr: ["pwd"],
  roles: ["learner"],
  scope: "read write",
  client_id: "edgepass",
};

export const theirHeader = { alg: "ES256", typ: "JWT", kid: "external" };
export const theirClaims = {
  iss: theirs,
  aud: ["https://other.test", "edgepass"],
  sub: "auth0|42",
  iat: nowSeconds - 10,
  exp: nowSeconds + 3590,
};

/** The two issuers of a gateway; `external` changes the configuration of the second. */
export function makeIssuers(
  keys: Keys,
  external: Partial<AccessTokenIssuer> = {},
): Issuers {
  const of = (...pairs: readonly (keyof Keys)[]): AccessTokenIssuer["findKey"] => ({ kid, alg }) =>
    Promise.resolve(
      pairs.map((name) => keys[name])
        .flatMap((key) => "verification" in key ? [key.verification] : [])
        .find((key) => key.kid === kid && key.alg === alg),
    );
  return indexIssuers<AccessTokenIssuer>([
    {
      iss: ours,
      audience: ["https://api.test"],
      algorithms: ["EdDSA"],
      typ: ["at+jwt"],
      claims: {},
      maxLifeSeconds: 900,
      maxTokenBytes: 4096,
      findKey: of("own", "rotated"),
    },
    {
      alias: "idp",
      iss: theirs,
      ...(external.clients ? {} : { audience: ["edgepass"] }),
      algorithms: ["ES256"],
      typ: ["jwt", "at+jwt", ""],
      claims: {},
      maxLifeSeconds: 3600,
      maxTokenBytes: 4096,
      findKey: of("external"),
      ...external,
    },
  ]);
}

/** What one row changes in a valid token of ours; undefined removes a member. */
export interface Change {
  /** Starts from a token of the other issuer. */
  readonly external?: Partial<AccessTokenIssuer>;
  readonly header?: object | string;
  readonly claims?: object;
  readonly payload?: string | Uint8Array;
  /** The key that signs; by default the issuer's own. */
  readonly signer?: Exclude<keyof Keys, "hmac"> | "hmac";
  readonly mangle?: (token: string) => string;
  /** Why it is refused. */
  readonly reason?: RefusalReason;
  readonly now?: number;
  readonly leeway?: number;
}

export async function makeToken(keys: Keys, change: Change): Promise<string> {
  const [baseHeader, baseClaims] = change.external
    ? [theirHeader, theirClaims]
    : [ourHeader, ourClaims];
  const header = typeof change.header === "string"
    ? change.header
    : { ...baseHeader, ...change.header };
  const payload = change.payload ?? { ...baseClaims, ...change.claims };
  const signer = keys[change.signer ?? (change.external ? "external" : "own")];
  const token = await forge(header, payload, "signing" in signer ? signer.signing : signer);
  return change.mangle?.(token) ?? token;
}

/** The verifier's result for one row. */
export async function judge(change: Change): Promise<TokenVerdict> {
  const keys = await makeKeys();
  return await verifyAccessToken(await makeToken(keys, change), {
    issuers: makeIssuers(keys, change.external),
    nowSeconds: change.now ?? nowSeconds,
    leewaySeconds: change.leeway ?? leewaySeconds,
  });
}
