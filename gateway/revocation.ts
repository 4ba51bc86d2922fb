import { count, createBoundedMap } from "@edgepass/shared/context";
import { Problem } from "@edgepass/shared/problem";
import { revocationKeys, type RevocationLevel } from "@edgepass/shared/redis";
import { type AccessToken, ownerPrefix } from "@edgepass/shared/tokens";
import type { Attributes } from "@opentelemetry/api";
import type { RevocationMode } from "./routes.ts";
import type { Outcome } from "./steps.ts";

/** Revocation entries as Redis has them, by key; null where there is none. */
export type Entries = ReadonlyMap<string, string | null>;

/** What a check reads of an `EdgeState`. */
export interface ReadEntries {
  /** Undefined without a usable reply of a complete list. */
  readonly entries: Entries | undefined;
  /** When Redis was asked, in epoch milliseconds. */
  readonly readAt: number;
  /** Why there are none, for the log. */
  readonly cause?: unknown;
}

/** Why a token passes: Redis was read for this request, or recently enough for the route. */
export type RevocationOutcome = "clear" | "fresh";

/**
 * Refuses a revoked token; `read` is called where the route's bound does not accept the last check.
 *
 * @throws {Problem} `token_revoked`; `revocation_unavailable` when Redis returned no usable reply
 */
export type CheckRevocation = (
  token: AccessToken,
  mode: RevocationMode,
  read: () => Promise<ReadEntries>,
) => Promise<RevocationOutcome>;

/** Checks stored for bounded routes. */
const maxRemembered = 10_000;

/** Makes the revocation check of one instance, which counts what it decides. */
export function createCheckRevocation(
  { now }: { readonly now: () => number },
): CheckRevocation {
  const fresh = createFreshChecks(now);
  const countOutcome = (outcome: RevocationOutcome | "revoked" | "unavailable"): void =>
    count("edgepass.revocation.checks", { "edgepass.revocation.answer": outcome });
  return async function checkRevocation(token, mode, read) {
    try {
      const outcome = fresh.isFresh(token, mode) ? "fresh" : "clear";
      if (outcome === "clear") {
        const state = await read();
        refuseRevoked(token, state);
        fresh.store(token, mode, state.readAt);
      }
      countOutcome(outcome);
      return outcome;
    } catch (error) {
      countOutcome(nameRefusal(error));
      throw error;
    }
  };
}

/** An entry that may revoke a token. */
interface EntryName {
  readonly level: RevocationLevel;
  readonly key: string;
}

/**
 * A token's entries, the subject's first. Their keys have the issuer's alias and, where tenants are
 * kept apart, the tenant; a template's key signs for all of its tenants.
 */
function entriesOf(token: AccessToken): EntryName[] {
  const { alias, sub, kid, jti, sid } = token;
  const prefix = ownerPrefix(token);
  const name = (level: RevocationLevel, id: string, owner = prefix): EntryName => ({
    level,
    key: revocationKeys.of(level, id, owner),
  });
  const entries = [name("subject", sub), name("key", kid, alias)];
  if (jti !== undefined) entries.push(name("token", jti));
  if (sid !== undefined) entries.push(name("login", sid));
  return entries;
}

/** The keys of a token's entries, the subject's first. */
export function entryKeysOf(token: AccessToken): string[] {
  return entriesOf(token).map(({ key }) => key);
}

/**
 * Decides by the entries alone: the subject's value is a minimum, while any value of the others
 * revokes. It fails closed: an entry that was not read, or that cannot be read, never means "not
 * revoked".
 *
 * @throws {Problem} `token_revoked`, `revocation_unavailable`
 */
export function refuseRevoked(token: AccessToken, { entries, cause }: ReadEntries): void {
  const names = entriesOf(token);
  const values = names.map(({ key }) => entries?.get(key));
  if (values.includes(undefined)) throw new Problem("revocation_unavailable", { cause });
  const revoking = names.find(({ level }, at) => level !== "subject" && values[at] !== null) ??
    names.find(({ level }, at) => level === "subject" && isBelow(token, values[at] ?? null));
  if (!revoking) return;
  throw new Problem("token_revoked", {
    reason: `revoked:${revoking.level}`,
    issuer: nameIssuer(token),
  });
}

/** An issuer's name in spans and metrics: its alias, `user` for our own. */
export function nameIssuer({ alias = "user" }: Pick<AccessToken, "alias">): string {
  return alias;
}

/**
 * Our tokens are compared by account version, those of other issuers by their `iat`. A token without
 * one may be older than any minimum, so that each revokes it.
 */
function isBelow({ uv, iat }: AccessToken, minimum: string | null): boolean {
  if (minimum === null) return false;
  if (!/^\d{1,15}$/.test(minimum)) throw new Problem("revocation_unavailable");
  return (uv ?? iat ?? -1) < Number(minimum);
}

/** When tokens were last checked, for routes that accept a check of bounded age. */
function createFreshChecks(now: () => number) {
  const checkedAt = createBoundedMap<string, number>(maxRemembered, {
    refresh: true,
    evictOnReplace: true,
  });
  return {
    /** Whether the last check is recent enough; if not, it is deleted: the next one may fail. */
    isFresh(token: AccessToken, mode: RevocationMode): boolean {
      if (mode === "strict") return false;
      const identity = identityOf(token);
      const age = now() - (checkedAt.get(identity) ?? Number.NEGATIVE_INFINITY);
      if (age >= 0 && age <= mode.boundedMs) return true;
      checkedAt.delete(identity);
      return false;
    },
    /** Its age counts from when Redis was asked: the reply may lack what was written meanwhile. */
    store(token: AccessToken, mode: RevocationMode, readAt: number): void {
      if (mode !== "strict") checkedAt.set(identityOf(token), readAt);
    },
  };
}

/**
 * A subject's minimum revokes old tokens and not new ones. Without `uv` or `iat` the check of a
 * newer token would admit a revoked one whose issuer sets neither jti nor sid.
 */
function identityOf(token: AccessToken): string {
  return JSON.stringify([...entryKeysOf(token), token.uv ?? token.iat ?? null]);
}

/** Span attributes of a check. */
export function describeRevocation(
  mode: RevocationMode,
): (outcome: Outcome<RevocationOutcome>) => Attributes {
  return (outcome) => ({
    "db.system.name": "redis",
    "edgepass.revocation.mode": mode === "strict" ? "strict" : "bounded",
    "edgepass.revocation.answer": "result" in outcome
      ? outcome.result
      : nameRefusal(outcome.refusal),
  });
}

function nameRefusal(refusal: unknown): "revoked" | "unavailable" {
  return refusal instanceof Problem && refusal.code === "token_revoked" ? "revoked" : "unavailable";
}
