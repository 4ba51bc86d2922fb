import {
  type AccessTokenIssuer,
  type ClaimMap,
  externalTokenLifeSeconds,
  isIssuerAlias,
} from "@edgepass/shared/tokens";
import {
  type AsymmetricAlgorithmName,
  type JwkSet,
  type VerificationKey,
} from "@edgepass/shared/crypto";
import { createJwksKeys, type JwksKeys } from "./jwks_keys.ts";
import type { Logger } from "@edgepass/shared/log";

/** An issuer whose access tokens the gateway accepts. */
export interface IssuerOptions {
  /** Prefix of its subjects; our own auth service has none. */
  readonly alias?: string;
  /** `iss` of its tokens, compared exactly. */
  readonly iss: string;
  /** `aud` of tokens that are meant for this gateway. */
  readonly audience: string;
  /** The public keys themselves, or how to fetch them. */
  readonly jwks: JwkSet | ((signal: AbortSignal) => Promise<Response>);
  /** The algorithms that its keys may have. */
  readonly algorithms: readonly AsymmetricAlgorithmName[];
  /** Accepted `typ` values of other issuers; `""` for a header without one. */
  readonly typ?: readonly string[];
  /** Where its tokens have the claims that ours have under other names. */
  readonly claims?: ClaimMap;
  /** Longest life of a token in seconds; a day by default. */
  readonly maxLifeSeconds?: number;
}

/** An issuer with its keys. */
export interface Issuer extends AccessTokenIssuer {
  /** The key that verifies at this moment, from memory alone. */
  currentKey(kid: string): VerificationKey | undefined;
  /** Reads its keys again if one is missing that the central configuration names. */
  expectKeys(kids: readonly string[]): Promise<void> | undefined;
  /** Whether a usable key set was read; without one no token can be verified. */
  isReady(): Promise<boolean>;
}

/**
 * Makes the issuers searchable by `iss`.
 *
 * @throws {RangeError} for an alias or `iss` that occurs twice, or an alias that could be taken for
 * one of our own people
 */
export function createIssuers(
  options: readonly IssuerOptions[],
  effects: { now: () => number; log: Logger },
): ReadonlyMap<string, Issuer> {
  const issuers = new Map<string, Issuer>();
  const aliases = new Set<string | undefined>();
  for (const issuer of options) {
    const { alias, iss } = issuer;
    if (alias !== undefined && !isIssuerAlias(alias)) {
      throw new RangeError("Cannot start: ISSUERS has an alias that is not usable");
    }
    if (issuers.has(iss) || aliases.has(alias)) {
      throw new RangeError("Cannot start: ISSUERS names an iss or alias twice");
    }
    aliases.add(alias);
    issuers.set(iss, toIssuer(issuer, createJwksKeys({ ...issuer, ...effects })));
  }
  return issuers;
}

function toIssuer(options: IssuerOptions, keys: JwksKeys): Issuer {
  const { alias, iss, audience, typ, claims = {}, maxLifeSeconds = externalTokenLifeSeconds } =
    options;
  return {
    ...(alias === undefined ? {} : { alias }),
    iss,
    audience,
    typ: typ ?? ["at+jwt", "JWT", ""],
    claims,
    maxLifeSeconds,
    findKey: keys.find,
    currentKey: keys.current,
    expectKeys: keys.expect,
    isReady: keys.isReady,
  };
}
