import type { PassportSection } from "@edgepass/shared/configuration";
import {
  randomToken,
  type Secret,
  type SigningKey,
  signJws,
  toSecret,
} from "@edgepass/shared/crypto";
import { count, internalHeaders } from "@edgepass/shared/context";
import type { Logger } from "@edgepass/shared/telemetry";
import {
  maxPassportBytes,
  type PassportClaims,
  type Profile,
  profiles,
  warnPassportBytes,
} from "@edgepass/shared/passport";
import { Problem } from "@edgepass/shared/problem";
import type { AccessToken } from "@edgepass/shared/tokens";
import type { Attributes } from "@opentelemetry/api";
import type { Outcome } from "./steps.ts";

/** Which profiles a request carries: one of them, or S that authorises and A for comparison. */
export type Send = NonNullable<PassportSection["send"]>;

/** How Passports are signed. */
export interface PassportOptions {
  /** The Passport issuer: `iss` of every Passport. */
  readonly issuer: string;
  /** The trust domain: `aud` of every Passport. */
  readonly audience: string;
  /** The one key of each profile that signs. */
  readonly signingKeys: Readonly<Partial<Record<Profile, SigningKey>>>;
  /** What is sent, also with the gateway's own calls; S by default. */
  readonly send?: Send;
  /** What is sent instead on a route, by its path. */
  readonly sendByRoute?: Readonly<Record<string, Send>>;
  /** Life in seconds, 30 by default, 300 at most. */
  readonly ttlSeconds?: number;
  /** Current version of the central configuration: `cfg`; 0 without one. */
  readonly configurationVersion?: number;
}

/**
 * The subject of a Passport: that of a verified token, an anonymous caller, or the gateway itself.
 */
export type Bearer = AccessToken | "anonymous" | "gateway";

/** A Passport with its claims: logs and spans may have the claims, but never the signature. */
export interface SignedPassport {
  /** The compact JWS that is sent as `X-Passport`. */
  readonly token: Secret;
  /** The compact JWS of profile A that is sent as `Txn-Token`, where there is one. */
  readonly txnToken?: Secret;
  /** The claims of the Passport that authorises. */
  readonly claims: PassportClaims;
  readonly kid: string;
}

/**
 * Signs a Passport for one request (policies v0.1.0 and v0.2.0); `traceId` becomes `txn`, `route`
 * is the path of the route's row.
 *
 * @throws {Problem} `internal` for one over 4096 bytes
 */
export type SignPassport = (
  bearer: Bearer,
  traceId: string,
  route?: string,
) => Promise<SignedPassport>;

/** Makes the only signer of Passports; a Passport is never cached or renewed. */
export function createSignPassport(
  {
    issuer,
    audience,
    signingKeys,
    send = "S",
    sendByRoute = {},
    ttlSeconds = 30,
    configurationVersion = 0,
  }: PassportOptions,
  { now, log }: { now: () => number; log: Logger },
): SignPassport {
  const sign = createSigner(signingKeys, log);
  return async function signPassport(bearer, traceId, route) {
    const iat = Math.floor(now() / 1000);
    const claims = {
      iss: issuer,
      aud: audience,
      iat,
      exp: iat + ttlSeconds,
      jti: randomToken(16),
      txn: traceId,
      ...toIdentity(bearer),
      cfg: configurationVersion,
    };
    const sending = route === undefined ? send : sendByRoute[route] ?? send;
    if (sending === "A") {
      const signed = await sign("A", claims);
      return { ...signed, txnToken: signed.token };
    }
    const authorising = await sign("S", claims);
    if (sending === "S") return authorising;
    // The compared Passport must not fail the request: profile A is longer, and may exceed the
    // limit.
    const txnToken = await sign("A", claims).then(({ token }) => token, () => undefined);
    return txnToken === undefined ? authorising : { ...authorising, txnToken };
  };
}

type CommonClaims = Omit<PassportClaims, "pv" | "req_wl">;

/** The workload that requests every Passport. */
const requestingWorkload = "gateway";

function createSigner(signingKeys: PassportOptions["signingKeys"], log: Logger) {
  return async function sign(profile: Profile, common: CommonClaims): Promise<SignedPassport> {
    const key = signingKeys[profile];
    if (!key) throw new TypeError(`Cannot sign a Passport: no key of profile ${profile} signs`);
    const { versions: [version], typ } = profiles[profile];
    const claims: PassportClaims = {
      pv: version,
      ...common,
      ...(profile === "A" ? { req_wl: requestingWorkload } : {}),
    };
    const token = await signJws(claims, { typ, key });
    if (token.length > warnPassportBytes) reportSize(token, claims, log);
    count("edgepass.passports.minted", {
      "edgepass.passport.policy": version,
      "edgepass.passport.subject": claims.sub.split(":", 1)[0],
    });
    return { token: toSecret(token), claims, kid: key.kid };
  };
}

/** The headers that carry a Passport; one of profile A is in both, byte for byte. */
export function passportHeaders(
  { token, txnToken }: Pick<SignedPassport, "token" | "txnToken">,
): [name: string, value: string][] {
  return [
    [internalHeaders.passport, token],
    ...(txnToken === undefined ? [] : [[internalHeaders.txnToken, txnToken] as [string, string]]),
  ];
}

/**
 * Counts a service's verdict on the Passport of profile A that it got beside the one that
 * authorised; a response without a verdict means that the service did not compare.
 */
export function countShadowVerdict(
  { token, txnToken }: SignedPassport,
  { service, headers }: { readonly service: string; readonly headers: Headers },
): void {
  if (txnToken === token) return;
  const verdict = headers.get(internalHeaders.passportVerdict);
  if (txnToken === undefined && verdict === null) return;
  count("edgepass.passports.compared", {
    "edgepass.service": service,
    "edgepass.passport.verdict": verdict === "match" || verdict === "mismatch" ? verdict : "absent",
  });
}

/** The claims of a Passport that say for whom it is, and what they may do. */
export function toIdentity(
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

/** Span attributes of a Passport: everything but the signature. */
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
