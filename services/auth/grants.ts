import { randomToken } from "@edgepass/shared/crypto";
import { signAccessToken } from "@edgepass/shared/tokens";
import type { Lifetimes } from "./options.ts";
import type { AccessTokenKeys } from "./keys.ts";
import type { AccountClaims, Login } from "./store/mod.ts";

/** Both tokens of a login, and when they expire in epoch milliseconds. */
export interface Grant {
  /**
   * The token's `iat`, from which lifetimes count: a setting of 600 seconds yields an `expires_in`
   * of 600.
   */
  readonly issuedAt: number;
  readonly accessToken: string;
  readonly accessExpiresAt: number;
  readonly refreshToken: string;
  readonly refreshExpiresAt: number;
}

/** What one access token is about, and the refresh token that goes with it. */
export interface GrantSubject {
  readonly login: Login;
  readonly claims: AccountClaims;
  readonly refreshToken: string;
  readonly refreshExpiresAt: number;
}

export type IssueGrant = (subject: GrantSubject) => Promise<Grant>;

export interface GrantIssuerOptions {
  readonly keys: () => Promise<AccessTokenKeys>;
  readonly issuer: string;
  readonly audience: string;
  readonly lifetimes: () => Lifetimes;
  readonly now: () => number;
}

/** First-party clients share one id (RFC 9068 §2.2 requires a `client_id`). */
const clientId = "edgepass-first-party";

/**
 * Creates the function that signs access tokens (RFC 9068 profile, EdDSA).
 *
 * A token never outlives its login's absolute lifetime. `auth_time` and `amr` stay those of the
 * login.
 */
export function createGrantIssuer(
  { keys, issuer, audience, lifetimes, now }: GrantIssuerOptions,
): IssueGrant {
  return async function issueGrant({ login, claims, refreshToken, refreshExpiresAt }) {
    const iat = Math.floor(now() / 1000);
    const exp = Math.min(
      iat + lifetimes().accessTokenTtlSeconds,
      Math.ceil(login.expiresAt / 1000),
    );
    const { signing } = await keys();
    const accessToken = await signAccessToken({
      iss: issuer,
      aud: audience,
      sub: login.accountId,
      iat,
      exp,
      jti: randomToken(16),
      sid: login.sid,
      uv: claims.uv,
      auth_time: Math.floor(login.authTime / 1000),
      amr: login.amr,
      roles: [...claims.roles].sort(),
      scope: "",
      client_id: clientId,
    }, signing);
    return {
      issuedAt: iat * 1000,
      accessToken,
      accessExpiresAt: exp * 1000,
      refreshToken,
      refreshExpiresAt,
    };
  };
}
