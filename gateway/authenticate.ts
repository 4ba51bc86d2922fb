import {
  type AccessToken,
  type AccessTokenRefusal,
  verifyAccessToken,
} from "@edgepass/shared/tokens";
import { createBoundedMap } from "@edgepass/shared/context";
import type { VerificationKey } from "@edgepass/shared/crypto";
import { Problem } from "@edgepass/shared/problem";
import type { Attributes } from "@opentelemetry/api";
import type { PresentedCredential } from "./credentials.ts";
import type { Issuer } from "./issuers.ts";
import type { Outcome } from "./steps.ts";

/**
 * Turns what a request presents into a verified access token.
 *
 * @throws {Problem} `authentication_required`, `ambiguous_credentials`, `token_invalid`,
 * `token_expired`
 */
export type Authenticate = (presented: PresentedCredential) => Promise<AccessToken>;

export interface AuthenticateOptions {
  readonly issuers: ReadonlyMap<string, Issuer>;
  readonly leewaySeconds: number;
  readonly now: () => number;
  /** How many verified tokens are cached; about a kilobyte each. */
  readonly maxCached?: number;
}

interface Cached {
  readonly token: AccessToken;
  /** The key that verified it; once the issuer replaces the key, the entry is invalid. */
  readonly key: VerificationKey;
}

/**
 * Makes the authenticator. It caches verified tokens by their text, which saves the signature check
 * and nothing else: expiry and key are checked on every use, and revocation is checked by claims.
 */
export function createAuthenticate(
  { issuers, leewaySeconds, now, maxCached = 10_000 }: AuthenticateOptions,
): Authenticate {
  const cache = createBoundedMap<string, Cached>(maxCached, { evictOnReplace: true });

  function findCached(text: string): AccessToken | undefined {
    const entry = cache.get(text);
    if (!entry) return undefined;
    const { token, key } = entry;
    if (issuers.get(token.iss)?.currentKey(token.kid) === key) return token;
    cache.delete(text);
    return undefined;
  }

  function store(text: string, token: AccessToken): void {
    const key = issuers.get(token.iss)?.currentKey(token.kid);
    if (!key || maxCached === 0) return;
    cache.set(text, { token, key });
  }

  return async function authenticate(presented) {
    if (presented.kind === "none") throw new Problem("authentication_required");
    if (presented.kind === "ambiguous") throw new Problem("ambiguous_credentials");
    const nowSeconds = now() / 1000;
    const cached = findCached(presented.token);
    if (cached) {
      if (nowSeconds < cached.exp + leewaySeconds) return cached;
      cache.delete(presented.token);
      throw new Problem("token_expired");
    }
    const result = await verifyAccessToken(presented.token, { issuers, nowSeconds, leewaySeconds });
    if (isRefusal(result)) throw new Problem(result);
    store(presented.token, result);
    return result;
  };
}

/** Span attributes of a verified token: its subject, login and key. */
export function describeToken(token: AccessToken): Attributes {
  return {
    "user.id": token.sub,
    "edgepass.issuer": token.alias ?? "user",
    "edgepass.token.kid": token.kid,
    "edgepass.token.jti": token.jti,
    "edgepass.token.sid": token.sid,
    "edgepass.token.roles": [...token.roles],
  };
}

/** The same for a step's outcome: a token that a later step refuses still has a subject. */
export function describeVerified(outcome: Outcome<AccessToken>): Attributes {
  return "result" in outcome ? describeToken(outcome.result) : {};
}

function isRefusal(result: AccessToken | AccessTokenRefusal): result is AccessTokenRefusal {
  return typeof result === "string";
}
