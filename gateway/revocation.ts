import type { AccessToken } from "@edgepass/shared/tokens";
import { background, count } from "@edgepass/shared/context";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import { readVersion } from "@edgepass/shared/configuration";
import {
  configurationKeys,
  type Redis,
  revocationKeys,
  type RevocationPosition,
} from "@edgepass/shared/redis";
import type { Attributes } from "@opentelemetry/api";
import { createFreshChecks } from "./fresh_revocation_checks.ts";
import { createListPosition, type ListGap, type SeenPosition } from "./list_position.ts";
import { addCounters, readCounts } from "./rate_counts.ts";
import type { Counted, Counter } from "./rate_limits.ts";
import type { RevocationMode } from "./routes.ts";
import type { Outcome } from "./steps.ts";

/** Where revocations are read. */
export interface RevocationOptions {
  /** A client with its time budget built in. */
  readonly redis: Redis;
  /**
   * Requests a rebuild of an incomplete list from the revocation authority, and returns the list's
   * new position where the authority reports one; without it the list is not checked for gaps.
   */
  readonly rebuild?: () => Promise<RevocationPosition | undefined>;
  /** Receives the version of the central configuration, which is read in the same command. */
  readonly observeVersion?: (version: number | undefined) => Promise<void> | undefined;
}

export interface Revocation {
  /**
   * Refuses a revoked token. The entries of token, login, subject and key are read in one command;
   * within a route's bound the last check is still valid. A request that is evaluated twice passes
   * `edgeState`, so that Redis is read once. `counters` are incremented in the same round trip;
   * those that a newer version added meanwhile are incremented too, but the request does not wait
   * for them.
   *
   * @throws {Problem} `token_revoked`; `revocation_unavailable` when Redis returns no usable reply
   */
  check(
    token: AccessToken,
    mode: RevocationMode,
    edgeState?: EdgeState,
    counters?: readonly Counter[],
  ): Promise<RevocationOutcome>;
  /** Counts a request whose token needs no check; an unavailable Redis counts nothing. */
  count(edgeState: EdgeState, counters: readonly Counter[]): Promise<void>;
  /** Whether the list is there and complete. */
  isReady(): Promise<boolean>;
}

/** Why a token passes: Redis was read just now, or recently enough for the route. */
export type RevocationOutcome = "clear" | "fresh";

/** What Redis has under each requested key, in the order of the keys. */
type Entries = readonly (string | null)[];

/** What Redis returned for one request with its one token. */
export interface EdgeState {
  entries?: Entries;
  readAt?: number;
  /** The keys of the counters that Redis was requested to increment, whether it did or not. */
  counting?: ReadonlySet<string>;
  /** Requests counted in each window, by the key of its counter. */
  counted?: ReadonlyMap<string, Counted>;
}

/** A rebuild is requested once in this time, in milliseconds. */
const rebuildEveryMs = 1_000;

/**
 * Makes the revocation check. It fails closed: a reply that cannot be read never means "not
 * revoked".
 */
export function createRevocation(
  { redis, rebuild, observeVersion }: RevocationOptions,
  { now, log }: { now: () => number; log: Logger },
): Revocation {
  const fresh = createFreshChecks(now);
  const list = createListPosition();
  let rebuiltAt = Number.NEGATIVE_INFINITY;
  let isRebuilding = false;

  function requestRebuild(gap: ListGap): void {
    // Rebuilds of a long list that overlap slow each other down until none ends within its limit.
    // A clock that was set back must not stop rebuilds until it catches up.
    if (!rebuild || isRebuilding || Math.abs(now() - rebuiltAt) < rebuildEveryMs) return;
    rebuiltAt = now();
    isRebuilding = true;
    const seen = list.seen();
    log.warn("Revocation list is not complete: requesting a rebuild", { gap });
    const rebuilt = rebuild().then((reached) => list.rebuilt(reached, seen))
      .finally(() => isRebuilding = false);
    background(rebuilt, (cause) => log.error("Revocation list was not rebuilt", { cause }));
  }

  function requireComplete(ready: string | null, since: SeenPosition): void {
    const gap = rebuild && list.findGap(ready, since);
    if (!gap) return;
    requestRebuild(gap);
    throw new Problem("revocation_unavailable");
  }

  async function read(
    keys: readonly string[],
    { edgeState = {}, counters = [] }: { edgeState?: EdgeState; counters?: readonly Counter[] } =
      {},
  ): Promise<Entries> {
    if (counters.length > 0) edgeState.counting = new Set(counters.map(({ key }) => key));
    const requested = [
      revocationKeys.ready,
      ...keys,
      ...(observeVersion ? [configurationKeys.version] : []),
    ];
    const seen = list.seen();
    const replies = await redis.pipeline((pipeline) => {
      pipeline.mget(...requested);
      if (counters.length > 0) addCounters(pipeline, counters);
    }).catch((cause: unknown) => {
      throw new Problem("revocation_unavailable", { cause });
    });
    const [values, counts] = replies;
    const counted = counters.length > 0 ? toCounted(counters, counts) : undefined;
    if (counted) edgeState.counted = counted;
    if (!isReply(values, requested.length)) throw new Problem("revocation_unavailable");
    const [ready = null, ...entries] = values;
    if (observeVersion) await observeVersion(readVersion(entries.pop()));
    requireComplete(ready, seen);
    return entries;
  }

  /** Redis was read before these counters existed: the increment counts for later requests only. */
  function incrementDeferred(edgeState: EdgeState, counters: readonly Counter[]): void {
    const deferred = counters.filter(({ key }) => !edgeState.counting?.has(key));
    if (deferred.length === 0) return;
    edgeState.counting = new Set(counters.map(({ key }) => key));
    const counted = redis.pipeline((pipeline) => addCounters(pipeline, deferred)).then(() => {});
    background(counted, (cause) => log.debug("Requests are counted locally only", { cause }));
  }

  /** Reads Redis once for a request. */
  async function readEdgeState(
    keys: readonly string[],
    edgeState: EdgeState,
    counters: readonly Counter[],
  ): Promise<Entries> {
    if (!edgeState.entries) return edgeState.entries = await read(keys, { edgeState, counters });
    incrementDeferred(edgeState, counters);
    return edgeState.entries;
  }

  async function checkOnce(
    token: AccessToken,
    mode: RevocationMode,
    edgeState: EdgeState,
    counters: readonly Counter[],
  ): Promise<RevocationOutcome> {
    const keys = keysOf(token);
    if (mode === "strict") {
      edgeState.readAt ??= now();
      refuseRevoked(token, await readEdgeState(keys, edgeState, counters));
      return "clear";
    }
    // A subject's minimum revokes old tokens and not new ones. Without `uv` or `iat` in the
    // identity, the check of a newer token would admit a revoked one whose issuer sets neither jti
    // nor sid.
    const identity = JSON.stringify([...keys, token.uv ?? token.iat]);
    if (fresh.isFresh(identity, mode.boundedMs)) return "fresh";
    // A reply is as old as its request: it may lack a revocation that was written meanwhile.
    const readAt = edgeState.readAt ??= now();
    fresh.delete(identity);
    refuseRevoked(token, await readEdgeState(keys, edgeState, counters));
    fresh.store(identity, readAt);
    return "clear";
  }

  return {
    async check(token, mode, edgeState = {}, counters = []) {
      try {
        const outcome = await checkOnce(token, mode, edgeState, counters);
        count("edgepass.revocation.checks", { "edgepass.revocation.answer": outcome });
        return outcome;
      } catch (error) {
        const outcome = nameRefusal(error);
        count("edgepass.revocation.checks", { "edgepass.revocation.answer": outcome });
        throw error;
      }
    },
    async count(edgeState, counters) {
      if (edgeState.counting) return incrementDeferred(edgeState, counters);
      if (counters.length === 0) return;
      try {
        await read([], { edgeState, counters });
      } catch (cause) {
        log.debug("Requests are counted locally only", { cause });
      }
    },
    async isReady() {
      try {
        await read([]);
        return true;
      } catch {
        return false;
      }
    },
  };
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

/** The subject's key comes first; its value is a minimum, while any value of the others revokes. */
function keysOf({ alias, sub, kid, jti, sid }: AccessToken): string[] {
  return [
    revocationKeys.of("subject", sub, alias),
    revocationKeys.of("key", kid, alias),
    ...(jti === undefined ? [] : [revocationKeys.of("token", jti, alias)]),
    ...(sid === undefined ? [] : [revocationKeys.of("login", sid, alias)]),
  ];
}

function refuseRevoked(token: AccessToken, [subject, ...others]: Entries): void {
  if (others.some((entry) => entry !== null) || isBelow(token, subject ?? null)) {
    throw new Problem("token_revoked");
  }
}

/** Our tokens are compared by account version, those of other issuers by their `iat`. */
function isBelow({ uv, iat }: AccessToken, minimum: string | null): boolean {
  if (minimum === null) return false;
  if (!/^\d{1,15}$/.test(minimum)) throw new Problem("revocation_unavailable");
  return (uv ?? iat) < Number(minimum);
}

/** Undefined for an unreadable reply: the instance then counts locally. */
function toCounted(
  counters: readonly Counter[],
  reply: unknown,
): ReadonlyMap<string, Counted> | undefined {
  const counts = readCounts(reply, counters.length);
  return counts && new Map(counts.map((one, at) => [counters[at]?.key ?? "", one]));
}

function isReply(value: unknown, length: number): value is (string | null)[] {
  return Array.isArray(value) && value.length === length &&
    value.every((item) => item === null || typeof item === "string");
}
