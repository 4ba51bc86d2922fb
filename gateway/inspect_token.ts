import { type Bindings, readConfig, withoutUndefined } from "@edgepass/shared/configuration";
import { type JsonObject, readJsonObject, readJws } from "@edgepass/shared/crypto";
import type { PassportClaims, PolicyVersion } from "@edgepass/shared/passport";
import { Problem } from "@edgepass/shared/problem";
import { createUpstashRedis, optionalUpstashSettings } from "@edgepass/shared/redis";
import type { Logger } from "@edgepass/shared/telemetry";
import {
  type AccessToken,
  type AccessTokenIssuer,
  listChecks,
  type TokenCheck,
  verifyAccessToken,
} from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import { toIssuer } from "./config.ts";
import { createEdgeStateReader } from "./edge_state.ts";
import { createIssuers, type IssuerOptions } from "./issuers.ts";
import { createRequireSignable } from "./passport.ts";
import { chooseForm, toIdentity } from "./passport_claims.ts";
import { refuseRevoked } from "./revocation.ts";
import { createRevocationList } from "./revocation_list.ts";
import { gatewaySettings } from "./settings.ts";

/** One check of a token, and whether it holds. */
export interface InspectedCheck {
  /** `passport` is whether a Passport can carry it. */
  readonly check: TokenCheck | "passport" | "revocation";
  /** Revocation is not reached either where Redis returns no list. */
  readonly state: "passed" | "failed" | "not reached";
}

/** What the gateway would make of a token. */
export interface TokenInspection {
  /** The token's header, unless it is no signed JWT. */
  readonly header?: JsonObject;
  /** Its claims. */
  readonly claims?: JsonObject;
  /** The row of its issuer; our own has no alias. */
  readonly issuer?: AccessTokenIssuer;
  /** Every check in its order. */
  readonly checks: readonly InspectedCheck[];
  /** The identity in its Passport, or why it has none. */
  readonly outcome:
    | {
      readonly identity: Pick<PassportClaims, "sub" | "roles" | "scope"> & Partial<PassportClaims>;
    }
    /** `bytes` is the size of a Passport that is too large. */
    | { readonly code: string; readonly reason: string; readonly bytes?: number }
    /** The issuer's keys cannot be read, with the failure: the gateway responds 503. */
    | { readonly unavailable: string };
}

/** Verifies tokens by the settings of a gateway, without one. */
export interface TokenInspector {
  /** By how many seconds clocks may differ. */
  readonly leewaySeconds: number;
  /** The Passport policy that services take. */
  readonly policy: PolicyVersion;
  /** The accepted issuers; our own has no alias. */
  readonly issuers: readonly Pick<AccessTokenIssuer, "alias" | "iss">[];
  /** Verifies a token, and checks its revocation where the settings name Redis. */
  inspect(token: string): Promise<TokenInspection>;
}

/**
 * Only what verification needs: a tool has no keys of Passports. Made at the call, so that no
 * Worker's bundle contains it.
 */
function readSettings(bindings: Bindings) {
  const { ISSUER, AUDIENCE, TRUST_DOMAIN, LEEWAY_SECONDS, PASSPORT_POLICY, ISSUERS } =
    gatewaySettings;
  const PUBLIC_ORIGIN = z.optional(gatewaySettings.PUBLIC_ORIGIN);
  const own = { PUBLIC_ORIGIN, ISSUER, AUDIENCE, TRUST_DOMAIN, LEEWAY_SECONDS, PASSPORT_POLICY };
  return readConfig(z.object({ ...own, ISSUERS, ...optionalUpstashSettings }), bindings);
}

/**
 * Makes an inspector of the gateway's settings; `ownKeys` fetches the key set of our own issuer,
 * which is `ISSUER` or else `PUBLIC_ORIGIN`.
 *
 * @throws {ConfigError} naming the variables that are malformed
 * @throws {RangeError} for rows that the gateway refuses
 */
export function createTokenInspector(
  bindings: Bindings,
  { ownKeys, now }: {
    readonly ownKeys: (signal: AbortSignal) => Promise<Response>;
    readonly now: () => number;
  },
): TokenInspector {
  const settings = readSettings(bindings);
  const own = toOwnIssuer(settings, ownKeys);
  const faults: unknown[] = [];
  const sizes: number[] = [];
  const effects = { now, log: collectFields(faults, sizes) };
  const issuers = createIssuers([...own, ...settings.ISSUERS.map(toIssuer)], effects);
  const { LEEWAY_SECONDS: leewaySeconds, PASSPORT_POLICY: policy } = settings;
  const [{ iss: issuer = "" } = {}] = own;
  const passport = { issuer, audience: settings.TRUST_DOMAIN, signingKeys: {}, policy };
  const requireSignable = createRequireSignable(passport, effects);
  const { patch } = chooseForm(passport, undefined);
  const isNotRevoked = createRevocationCheck(settings, effects);

  async function decide(token: string, marks: Marks): Promise<TokenInspection["outcome"]> {
    const options = { issuers, nowSeconds: now() / 1000, leewaySeconds };
    try {
      const report = (check: string) => marks.set(check, "passed");
      const verdict = await verifyAccessToken(token, { ...options, passed: report });
      if ("refusal" in verdict) return verdict.refusal;
      const isKnown = await isNotRevoked(verdict.token);
      marks.set("revocation", isKnown ? "passed" : "not reached");
      requireSignable(verdict.token, "");
      marks.set("passport", "passed");
      return { identity: toIdentity(verdict.token, patch) };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { code, reason } = error;
      return reason === undefined
        ? { unavailable: describe(faults.at(-1) ?? error) }
        : { code, reason, ...withoutUndefined({ bytes: sizes.pop() }) };
    }
  }

  return {
    leewaySeconds,
    policy,
    issuers: issuers.all,
    async inspect(token) {
      const marks: Marks = new Map();
      const { header, claims } = decode(token);
      const issuer = typeof claims?.iss === "string" ? issuers.find(claims.iss)?.issuer : undefined;
      // A request waits less long for a slow key set, and is answered 503 meanwhile.
      await issuer?.expectKeys([String(header?.kid)]);
      const outcome = await decide(token, marks);
      return {
        ...(header && claims ? { header, claims } : {}),
        ...(issuer ? { issuer } : {}),
        checks: toChecks(outcome, { issuer, marks }),
        outcome,
      };
    },
  };
}

/** Each check that was decided, in the gateway's order; revocation may not be known. */
type Marks = Map<string, "passed" | "not reached">;

/** Our own issuer, where the settings name it. */
function toOwnIssuer(
  { ISSUER, AUDIENCE, PUBLIC_ORIGIN }: ReturnType<typeof readSettings>,
  jwks: (signal: AbortSignal) => Promise<Response>,
): IssuerOptions[] {
  const [iss, audience] = [ISSUER ?? PUBLIC_ORIGIN, AUDIENCE ?? PUBLIC_ORIGIN];
  if (iss === undefined || audience === undefined) return [];
  return [{ iss, audience, algorithms: ["EdDSA"], jwks }];
}

/** Longest wait for Redis: no request waits for this response. */
const redisMs = 2_000;

/**
 * Whether a token is not revoked; false where that is not known, because this decides nothing.
 *
 * @throws {Problem} `token_revoked` with its reason
 */
function createRevocationCheck(
  { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: secret }: ReturnType<
    typeof readSettings
  >,
  effects: { readonly now: () => number; readonly log: Logger },
): (token: AccessToken) => Promise<boolean> {
  if (url === undefined || secret === undefined) return () => Promise.resolve(false);
  const redis = createUpstashRedis({ url, token: secret, timeoutMs: redisMs });
  const list = createRevocationList(undefined, effects);
  const { readEdgeState } = createEdgeStateReader({ redis, list, readsVersion: false }, effects);
  return async function isNotRevoked(token) {
    const state = await readEdgeState({ token });
    if (state.entries) refuseRevoked(token, state);
    return state.entries !== undefined;
  };
}

/** Marks the checks: those that were reported, the next one, and the rest. */
function toChecks(
  outcome: TokenInspection["outcome"],
  { issuer, marks }: {
    readonly issuer: AccessTokenIssuer | undefined;
    readonly marks: Marks;
  },
): InspectedCheck[] {
  const all = [...listChecks(issuer), "revocation" as const, "passport" as const];
  const next = "identity" in outcome ? undefined : all.find((check) => !marks.has(check));
  // A token beyond every row's limit is not decoded at all.
  const isTooLarge = "reason" in outcome && outcome.reason === "too_large" && !marks.has("size");
  const failed = isTooLarge ? "size" : next;
  return all.map((check) => ({
    check,
    state: check === failed ? "failed" : marks.get(check) ?? "not reached",
  }));
}

/** A longer text is not shown. */
const maxShownBytes = 1_048_576;

function decode(token: string): { header?: JsonObject; claims?: JsonObject } {
  const jws = readJws(token, maxShownBytes);
  const claims = jws && readJsonObject(jws.payload);
  return claims ? { header: jws.header, claims } : {};
}

/** A log that only collects why key sets could not be read, and the sizes of Passports. */
function collectFields(faults: unknown[], sizes: number[]): Logger {
  const collect = (
    _message: string,
    { cause, bytes }: { readonly cause?: unknown; readonly bytes?: unknown } = {},
  ): void => {
    if (cause !== undefined) faults.push(cause);
    if (typeof bytes === "number") sizes.push(bytes);
  };
  return { debug: collect, info: collect, warn: collect, error: collect };
}

function describe(fault: unknown): string {
  return fault instanceof Error ? fault.message : "its key set cannot be read";
}
