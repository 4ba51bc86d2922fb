import { type SigningKey, signJws } from "@edgepass/shared/crypto";
import { randomToken } from "@edgepass/shared/ids";
import type { Logger } from "@edgepass/shared/log";
import {
  maxPassportBytes,
  type PassportClaims,
  passportType,
  policyVersion,
  warnPassportBytes,
} from "@edgepass/shared/passport";
import { Problem } from "@edgepass/shared/problem";
import { type Secret, toSecret } from "@edgepass/shared/secret";
import { count } from "@edgepass/shared/telemetry";
import type { AccessToken } from "@edgepass/shared/tokens";
import type { Attributes } from "@opentelemetry/api";
import type { Outcome } from "./steps.ts";

/** How Passports are signed. */
export interface PassportOptions {
  /** Who signs: `iss` of every Passport. */
  readonly issuer: string;
  /** The trust domain: `aud` of every Passport. */
  readonly audience: string;
  /** The one key of the ring in state `signing`. */
  readonly signingKey: SigningKey;
  /** Life in seconds, 30 by default, 300 at most. */
  readonly ttlSeconds?: number;
}

/** Who a Passport is about: a verified token, nobody, or the gateway itself. */
export type Bearer = AccessToken | "anonymous" | "gateway";

/** A Passport with what it says, for those who may see it but never its signature. */
export interface SignedPassport {
  /** The compact JWS, as it is sent. */
  readonly token: Secret;
  readonly claims: PassportClaims;
  readonly kid: string;
}

/**
 * Signs a Passport for one request (policy v0.1.0); `traceId` becomes `txn`.
 *
 * @throws {Problem} `internal` for one over 4096 bytes
 */
export type SignPassport = (bearer: Bearer, traceId: string) => Promise<SignedPassport>;

/** Makes the one place that signs Passports; none is ever kept or renewed. */
export function createSignPassport(
  { issuer, audience, signingKey, ttlSeconds = 30 }: PassportOptions,
  { now, log }: { now: () => number; log: Logger },
): SignPassport {
  return async function signPassport(bearer, traceId) {
    const iat = Math.floor(now() / 1000);
    const claims: PassportClaims = {
      pv: policyVersion,
      iss: issuer,
      aud: audience,
      iat,
      exp: iat + ttlSeconds,
      jti: randomToken(16),
      txn: traceId,
      ...identity(bearer),
      cfg: 0,
    };
    const token = await signJws(claims, { typ: passportType, key: signingKey });
    if (token.length > warnPassportBytes) reportSize(token, claims, log);
    count("edgepass.passports.minted", {
      "edgepass.passport.policy": policyVersion,
      "edgepass.passport.subject": claims.sub.split(":", 1)[0],
    });
    return { token: toSecret(token), claims, kid: signingKey.kid };
  };
}

function identity(
  bearer: Bearer,
): Pick<PassportClaims, "sub" | "roles" | "scope"> & Partial<PassportClaims> {
  if (bearer === "anonymous") return { sub: "anon", roles: [], scope: "" };
  if (bearer === "gateway") return { sub: "svc:gateway", roles: [], scope: "" };
  const { alias, sub, sid, uv, roles, scope } = bearer;
  return {
    sub: alias === undefined ? `user:${sub}` : `user:${alias}:${sub}`,
    ...(sid === undefined ? {} : { sid }),
    roles: [...roles],
    scope,
    ...(uv === undefined ? {} : { uv }),
  };
}

/** What a span says of a Passport: all of it but the signature. */
export function describePassport(outcome: Outcome<SignedPassport>): Attributes {
  if ("refusal" in outcome) return {};
  const { claims, kid } = outcome.result;
  return Object.fromEntries(
    Object.entries({ ...claims, kid }).map(([name, value]) => [
      `edgepass.passport.${name}`,
      Array.isArray(value) ? [...value] : value,
    ]),
  );
}

function reportSize(passport: string, claims: PassportClaims, log: Logger): void {
  const bytes = passport.length;
  const largest = Object.entries(claims)
    .map(([name, value]) => [name, JSON.stringify(value).length] as const)
    .sort(([, a], [, b]) => b - a).slice(0, 3).map(([name]) => name);
  log.warn("Passport is large", { bytes, largestClaims: largest });
  if (bytes > maxPassportBytes) {
    throw new Problem("internal", { cause: new RangeError(`Passport has ${bytes} bytes`) });
  }
}
