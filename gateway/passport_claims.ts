import { type PassportSection, withoutUndefined } from "@edgepass/shared/configuration";
import type { SigningKey } from "@edgepass/shared/crypto";
import {
  type PassportClaims,
  patchOf,
  type PolicyPatch,
  type PolicyVersion,
  type Profile,
  profiles,
} from "@edgepass/shared/passport";
import { type AccessToken, passportSubject } from "@edgepass/shared/tokens";

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
  /**
   * The policy that services take, 0.1.0 by default; of a profile the version with the same patch
   * is sent.
   */
  readonly policy?: PolicyVersion;
  /** The policy that the services of a route take, by its path. */
  readonly policyByRoute?: Readonly<Record<string, PolicyVersion>>;
  /** Life in seconds, 30 by default, 300 at most. */
  readonly ttlSeconds?: number;
  /** Current version of the central configuration: `cfg`; 0 without one. */
  readonly configurationVersion?: number;
}

/**
 * The subject of a Passport: that of a verified token, an anonymous caller, or the gateway itself.
 */
export type Bearer = AccessToken | "anonymous" | "gateway";

/** What a route's services get. */
export function chooseForm(
  { send = "S", sendByRoute = {}, policy = "0.1.0", policyByRoute = {} }: PassportOptions,
  route: string | undefined,
): { readonly send: Send; readonly patch: PolicyPatch } {
  if (route === undefined) return { send, patch: patchOf(policy) };
  return { send: sendByRoute[route] ?? send, patch: patchOf(policyByRoute[route] ?? policy) };
}

/** Every claim but those that differ between the profiles. */
export type CommonClaims = Omit<PassportClaims, "pv" | "req_wl">;

/** The claims that both profiles have. */
export function toClaims(
  { issuer, audience, ttlSeconds = 30, configurationVersion = 0 }: PassportOptions,
  { bearer, patch, ids, now }: {
    readonly bearer: Bearer;
    readonly patch: PolicyPatch;
    readonly ids: Pick<PassportClaims, "jti" | "txn">;
    readonly now: number;
  },
): CommonClaims {
  const iat = Math.floor(now / 1000);
  return {
    iss: issuer,
    aud: audience,
    iat,
    exp: iat + ttlSeconds,
    ...ids,
    ...toIdentity(bearer, patch),
    cfg: configurationVersion,
  };
}

/** The workload that requests every Passport. */
const requestingWorkload = "gateway";

/** All claims of a Passport of a profile. */
export function toPassportClaims(
  profile: Profile,
  patch: PolicyPatch,
  common: CommonClaims,
): PassportClaims {
  return {
    pv: profiles[profile].versions[patch],
    ...common,
    ...(profile === "A" ? { req_wl: requestingWorkload } : {}),
  };
}

/**
 * The claims of a Passport that say for whom it is, and what they may do: all roles of the token,
 * because a rule that denies a role would fail open without it. `ext` is sent only where services
 * take it: what they do not expect, they may log.
 */
export function toIdentity(
  bearer: Bearer,
  patch: PolicyPatch,
): Pick<PassportClaims, "sub" | "roles" | "scope"> & Partial<PassportClaims> {
  if (bearer === "anonymous") return { sub: "anon", roles: [], scope: "" };
  if (bearer === "gateway") return { sub: "svc:gateway", roles: [], scope: "" };
  const { sid, uv, roles, scope, tenant, extra } = bearer;
  return {
    sub: toSubject(bearer, patch),
    ...withoutUndefined({ sid }),
    roles: [...roles],
    scope,
    ...withoutUndefined({ uv, tenant, ext: patch === 0 ? undefined : extra }),
  };
}

/**
 * Policy 0.1.0 has no clients: there the client's own `sub` counts as a user's, as it always has.
 * A token without `sub` has no subject there.
 */
function toSubject(token: AccessToken, patch: PolicyPatch): string {
  return passportSubject(patch === 0 ? { ...token, kind: "user" } : token);
}

/** Whether the services of a route have a subject for the token. */
export function hasSubject({ isWithoutSub }: AccessToken, patch: PolicyPatch): boolean {
  return patch > 0 || !isWithoutSub;
}

/** The bytes of the Passport that a key would sign, without signing it. */
export function measurePassport(
  profile: Profile,
  { claims, kid }: { readonly claims: PassportClaims; readonly kid: string },
): number {
  const { typ, alg } = profiles[profile];
  const signatureBytes = { HS256: 32, EdDSA: 64 }[alg];
  const parts = [{ alg, typ, kid }, claims].map((part) => encoder.encode(JSON.stringify(part)));
  const bytes = [...parts.map(({ length }) => length), signatureBytes];
  return bytes.reduce((sum, length) => sum + Math.ceil(length * 4 / 3) + 1, -1);
}

const encoder = new TextEncoder();

/** The names of the claims that take most of a Passport. */
export function listLargest(claims: PassportClaims): string[] {
  return Object.entries(claims)
    .map(([name, value]) => [name, JSON.stringify(value).length] as const)
    .sort(([, a], [, b]) => b - a).slice(0, 3).map(([name]) => name);
}
