import { importSecret } from "@edgepass/shared/crypto";
import {
  type AccessToken,
  type AccessTokenIssuer,
  type AccessTokenRefusal,
  verifyAccessToken,
} from "@edgepass/shared/tokens";
import { forge, makePair } from "./keys.ts";

export const nowSeconds = 1_800_000_000;
export const leewaySeconds = 5;

export const ours = "https://auth.test";
export const theirs = "https://idp.test";

/** Keys of two issuers, and of somebody who is neither. */
export async function makeKeys() {
  const [own, rotated, foreign, stranger] = await Promise.all([
    makePair("own"),
    makePair("rotated"),
    makePair("foreign", "ES256"),
    // A stranger's key that claims to be ours.
    makePair("own"),
  ]);
  const secret = new TextEncoder().encode(JSON.stringify(own.publicJwk));
  return { own, rotated, foreign, stranger, hmac: await importSecret({ kid: "own", secret }) };
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

export const theirHeader = { alg: "ES256", typ: "JWT", kid: "foreign" };
export const theirClaims = {
  iss: theirs,
  aud: ["https://other.test", "edgepass"],
  sub: "auth0|42",
  iat: nowSeconds - 10,
  exp: nowSeconds + 3590,
};

/** The two issuers of a gateway; `foreign` changes the configuration of the second. */
export function makeIssuers(
  keys: Keys,
  foreign: Partial<AccessTokenIssuer> = {},
): ReadonlyMap<string, AccessTokenIssuer> {
  const rings = {
    [ours]: new Map([keys.own, keys.rotated].map(({ verification }) => [
      verification.kid,
      verification,
    ])),
    [theirs]: new Map([[keys.foreign.verification.kid, keys.foreign.verification]]),
  };
  return new Map<string, AccessTokenIssuer>([
    [ours, {
      iss: ours,
      audience: "https://api.test",
      typ: ["at+jwt"],
      claims: {},
      maxLifeSeconds: 900,
      findKey: (kid) => Promise.resolve(rings[ours]?.get(kid)),
    }],
    [theirs, {
      alias: "idp",
      iss: theirs,
      audience: "edgepass",
      typ: ["JWT", "at+jwt", ""],
      claims: {},
      maxLifeSeconds: 3600,
      findKey: (kid) => Promise.resolve(rings[theirs]?.get(kid)),
      ...foreign,
    }],
  ]);
}

/** What one row changes about a good token of ours; a member that is undefined is left out. */
export interface Change {
  /** Starts from a token of the other issuer. */
  readonly foreign?: Partial<AccessTokenIssuer>;
  readonly header?: object | string;
  readonly claims?: object;
  readonly payload?: string | Uint8Array;
  /** Name of the key that signs; the issuer's own by default. */
  readonly signer?: Exclude<keyof Keys, "hmac"> | "hmac";
  readonly mangle?: (token: string) => string;
  readonly now?: number;
  readonly leeway?: number;
}

export async function makeToken(keys: Keys, change: Change): Promise<string> {
  const [baseHeader, baseClaims] = change.foreign
    ? [theirHeader, theirClaims]
    : [ourHeader, ourClaims];
  const header = typeof change.header === "string"
    ? change.header
    : { ...baseHeader, ...change.header };
  const payload = change.payload ?? { ...baseClaims, ...change.claims };
  const signer = keys[change.signer ?? (change.foreign ? "foreign" : "own")];
  const token = await forge(header, payload, "signing" in signer ? signer.signing : signer);
  return change.mangle?.(token) ?? token;
}

/** What the verifier says of one row. */
export async function judge(change: Change): Promise<AccessToken | AccessTokenRefusal> {
  const keys = await makeKeys();
  return await verifyAccessToken(await makeToken(keys, change), {
    issuers: makeIssuers(keys, change.foreign),
    nowSeconds: change.now ?? nowSeconds,
    leewaySeconds: change.leeway ?? leewaySeconds,
  });
}
