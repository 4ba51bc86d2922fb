import { createBoundedMap } from "@edgepass/shared/context";
import { readAlgorithm, type VerificationKey } from "@edgepass/shared/crypto";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import { type AccessToken, type Issuers, verifyAccessToken } from "@edgepass/shared/tokens";
import type { Attributes } from "@opentelemetry/api";
import type { Caller, Credentials, PresentedCredential } from "./credentials.ts";
import type { Issuer } from "./issuers.ts";
import {
  type CheckRevocation,
  describeRevocation,
  nameIssuer,
  type ReadEntries,
} from "./revocation.ts";
import type { AccessRule, RevocationMode } from "./routes.ts";
import type { Outcome, Steps } from "./steps.ts";

/**
 * Turns what a request presents into a verified access token; `onWait` is called before a wait for
 * an issuer's keys.
 *
 * @throws {Problem} `authentication_required`, `ambiguous_credentials`, `token_invalid`,
 * `token_expired`
 */
export type Authenticate = (
  presented: PresentedCredential,
  onWait?: () => void,
) => Promise<AccessToken>;

export interface AuthenticateOptions {
  readonly issuers: Issuers<Issuer>;
  readonly leewaySeconds: number;
  readonly now: () => number;
  /** How many verified tokens are cached; about a kilobyte each. */
  readonly maxCached?: number;
  /** How many bytes of tokens are cached. */
  readonly maxCachedBytes?: number;
}

/** 10,000 tokens of the usual size; of the largest that a row may allow, 1,365. */
const cachedBytes = 16 * 1024 * 1024;

interface Cached {
  readonly token: AccessToken;
  readonly issuer: Issuer;
  /** The key that verified it; once the issuer replaces the key, the entry is invalid. */
  readonly key: VerificationKey;
}

/**
 * Makes the authenticator. It caches verified tokens by their text, which saves the signature check
 * and nothing else: expiry and key are checked on every use, and revocation is checked by claims.
 */
export function createAuthenticate(
  { issuers, leewaySeconds, now, maxCached = 10_000, maxCachedBytes = cachedBytes }:
    AuthenticateOptions,
): Authenticate {
  const cache = createBoundedMap<string, Cached>(maxCached, {
    evictOnReplace: true,
    weight: { max: maxCachedBytes, of: (text) => text.length },
  });

  /** The cached token is refused again once its issuer has withdrawn or replaced its key. */
  function findCached(text: string): Cached | undefined {
    const entry = cache.get(text);
    if (!entry || isCurrent(entry)) return entry;
    cache.delete(text);
    return undefined;
  }

  return async function authenticate(presented, onWait) {
    if (presented.kind === "none") throw new Problem("authentication_required");
    if (presented.kind === "ambiguous") throw new Problem("ambiguous_credentials");
    const nowSeconds = now() / 1000;
    const cached = findCached(presented.token);
    if (cached) {
      const { token, issuer } = cached;
      if (nowSeconds < token.exp + leewaySeconds) return token;
      cache.delete(presented.token);
      throw new Problem("token_expired", { reason: "expired", issuer: nameIssuer(issuer) });
    }
    const verdict = await verifyAccessToken(presented.token, {
      issuers,
      nowSeconds,
      leewaySeconds,
      onWait,
    });
    if ("refusal" in verdict) {
      const { code, reason, alias } = verdict.refusal;
      throw new Problem(code, { reason, issuer: alias });
    }
    if (maxCached > 0 && isCurrent(verdict)) cache.set(presented.token, verdict);
    return verdict.token;
  };
}

function isCurrent({ issuer, key }: Cached): boolean {
  const alg = readAlgorithm(key.alg);
  return alg !== undefined && issuer.currentKey({ kid: key.kid, alg }) === key;
}

/** Span attributes of a verified token: its subject, login and key. */
export function describeToken(token: AccessToken): Attributes {
  return {
    "user.id": token.sub,
    "edgepass.issuer": nameIssuer(token),
    "edgepass.token.tenant": token.tenant,
    "edgepass.token.kind": token.kind === "user" ? undefined : token.kind,
    "edgepass.token.kid": token.kid,
    "edgepass.token.jti": token.jti,
    "edgepass.token.sid": token.sid,
    "edgepass.token.roles": [...token.roles],
  };
}

/** The same for a step's outcome: a token that a later step refuses still has a subject. */
function describeVerified(outcome: Outcome<AccessToken>): Attributes {
  return "result" in outcome ? describeToken(outcome.result) : {};
}

/**
 * Identifies the caller as far as the route's access rule requires.
 *
 * A public route reads no credential; on an optional route an unusable credential means anonymous.
 *
 * @throws {Problem} what `Authenticate` and `CheckRevocation` throw
 */
export type Identify = (
  credentials: Credentials,
  options: {
    readonly rule: AccessRule;
    readonly revocation: RevocationMode;
    readonly steps: Steps;
    /** Throws for a token that no Passport of the route can carry. */
    readonly requireSignable?: (token: AccessToken) => void;
    /** Reads the token's revocation entries. */
    readonly read: (token: AccessToken) => Promise<ReadEntries>;
    /** Is called before a wait for an issuer's keys. */
    readonly onWait?: () => void;
    /** Counts the request of a caller who turns out to be anonymous. */
    readonly countAnonymous?: () => Promise<void>;
    /** Receives the refusal of a token that an optional route ignores, so that it is reported. */
    readonly ignored?: (refusal: Problem) => void;
  },
) => Promise<Caller>;

/** Makes the step that verifies a token and checks its revocation. */
export function createIdentify(
  { authenticate, checkRevocation, log }: {
    readonly authenticate: Authenticate;
    readonly checkRevocation: CheckRevocation;
    readonly log: Logger;
  },
): Identify {
  return async function identify({ access }, options) {
    const { rule, revocation, steps, requireSignable, read, onWait, countAnonymous, ignored } =
      options;
    if (rule === "public") {
      await countAnonymous?.();
      return "anonymous";
    }
    try {
      const verify = () => authenticate(access, onWait);
      const token = await steps.run("verify", verify, describeVerified);
      const check = () => checkRevocation(token, revocation, () => read(token));
      await steps.run("revocation", check, describeRevocation(revocation));
      // Not earlier: a revoked token must not write the error line that this may write.
      requireSignable?.(token);
      return token;
    } catch (error) {
      if (rule !== "optional" || !(error instanceof Problem)) throw error;
      ignored?.(error);
      if (error.status >= 500) log.warn("Caller is treated as anonymous", { code: error.code });
      else await countAnonymous?.();
      return "anonymous";
    }
  };
}

/**
 * Applies a route's access rule to the caller; the roles are the token's, and one role of the rule
 * is enough.
 *
 * @throws {Problem} `authentication_required`, `forbidden`
 */
export function authorize(rule: AccessRule, caller: Caller): void {
  if (rule === "public" || rule === "optional") return;
  if (caller === "anonymous") throw new Problem("authentication_required");
  if (rule === "authenticated") return;
  if (!rule.roles.some((role) => caller.roles.includes(role))) throw new Problem("forbidden");
}
