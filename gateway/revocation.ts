import type { AccessToken } from "@edgepass/shared/tokens";
import type { Logger } from "@edgepass/shared/log";
import { background } from "@edgepass/shared/background";
import { Problem } from "@edgepass/shared/problem";
import { readVersion } from "@edgepass/shared/configuration";
import {
  configurationKeys,
  type Redis,
  revocationKeys,
  type RevocationPosition,
} from "@edgepass/shared/redis";
import { count } from "@edgepass/shared/telemetry";
import type { Attributes } from "@opentelemetry/api";
import { createFreshChecks } from "./fresh_revocation_checks.ts";
import { createListPosition, type ListGap, type SeenPosition } from "./list_position.ts";
import { addCounters, readCounts } from "./rate_counts.ts";
import type { Counted, Counter } from "./rate_limits.ts";
import type { RevocationMode } from "./routes.ts";
import type { Outcome } from "./steps.ts";

/** Where revocations are asked for. */
export interface RevocationOptions {
  /** With its budget of time built in. */
  readonly redis: Redis;
  /**
   * Asks the keeper of the durable log to rebuild a list that is not complete, and tells the position
   * that it has then, where the keeper names one; without it nobody looks for gaps.
   */
  readonly rebuild?: () => Promise<RevocationPosition | undefined>;
  /** ObservesVersion the version of the central configuration, which is asked for in the same command. */
  readonly observeVersion?: (version: number | undefined) => Promise<void> | undefined;
}

export interface Revocation {
  /**
   * Refuses a revoked token. Token, login, subject and key are asked in one command; within a
   * route's bound the last answer still holds. A request that is decided twice passes `edgeState`, so
   * that Redis is asked once. `counters` count the request in the same round trip; those that a newer
   * version made meanwhile count it too, but nobody waits for them.
   *
   * @throws {Problem} `token_revoked`; `revocation_unavailable` when Redis gives no usable reply
   */
  check(
    token: AccessToken,
    mode: RevocationMode,
    edgeState?: EdgeState,
    counters?: readonly Counter[],
  ): Promise<RevocationOutcome>;
  /** Counts a request whose token nobody asks about; a Redis that is away counts nothing. */
  count(edgeState: EdgeState, counters: readonly Counter[]): Promise<void>;
  /** Whether the list is there and complete. */
  isReady(): Promise<boolean>;
}

/** Why a token passes: Redis was asked just now, or recently enough for the route. */
export type RevocationOutcome = "clear" | "fresh";

/** What Redis has under each key that was asked, in that order. */
type Entries = readonly (string | null)[];

/** What Redis said to one request, which comes with one token. */
export interface EdgeState {
  entries?: Entries;
  askedAt?: number;
  /** What it was told to count, by the counter's key, whether it did so or not. */
  counting?: ReadonlySet<string>;
  /** Requests counted in each window, by the counter's key. */
  counted?: ReadonlyMap<string, Counted>;
}

/** An incomplete list is reported once in this time, in milliseconds. */
const rebuildEveryMs = 1_000;

/** Makes the revocation check. Whatever is not understood is never "not revoked". */
export function createRevocation(
  { redis, rebuild, observeVersion }: RevocationOptions,
  { now, log }: { now: () => number; log: Logger },
): Revocation {
  const fresh = createFreshChecks(now);
  const list = createListPosition();
  let rebuiltAt = Number.NEGATIVE_INFINITY;

  function requestRebuild(gap: ListGap): void {
    // A clock that was set back must not stop refills until it has caught up.
    if (!rebuild || Math.abs(now() - rebuiltAt) < rebuildEveryMs) return;
    rebuiltAt = now();
    const seen = list.seen();
    log.warn("Revocation list is not complete: asking for a refill", { gap });
    const rebuilt = rebuild().then((reached) => list.rebuilt(reached, seen));
    background(rebuilt, (cause) => log.error("Revocation list was not refilled", { cause }));
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
    const asked = [
      revocationKeys.ready,
      ...keys,
      ...(observeVersion ? [configurationKeys.version] : []),
    ];
    const seen = list.seen();
    const replies = await redis.pipeline((pipeline) => {
      pipeline.mget(...asked);
      if (counters.length > 0) addCounters(pipeline, counters);
    }).catch((cause: unknown) => {
      throw new Problem("revocation_unavailable", { cause });
    });
    const [values, counts] = replies;
    const counted = counters.length > 0 ? toCounted(counters, counts) : undefined;
    if (counted) edgeState.counted = counted;
    if (!isReply(values, asked.length)) throw new Problem("revocation_unavailable");
    const [ready = null, ...entries] = values;
    if (observeVersion) await observeVersion(readVersion(entries.pop()));
    requireComplete(ready, seen);
    return entries;
  }

  /** Redis was asked before these limits were known: whoever comes next finds this one counted. */
  function incrementDeferred(edgeState: EdgeState, counters: readonly Counter[]): void {
    const late = counters.filter(({ key }) => !edgeState.counting?.has(key));
    if (late.length === 0) return;
    edgeState.counting = new Set(counters.map(({ key }) => key));
    const counted = redis.pipeline((pipeline) => addCounters(pipeline, late)).then(() => {});
    background(counted, (cause) => log.debug("Requests are counted here alone", { cause }));
  }

  /** Asks once for a request. */
  async function readEdgeState(
    keys: readonly string[],
    edgeState: EdgeState,
    counters: readonly Counter[],
  ): Promise<Entries> {
    if (!edgeState.entries) return edgeState.entries = await read(keys, { edgeState, counters });
    incrementDeferred(edgeState, counters);
    return edgeState.entries;
  }

  async function decide(
    token: AccessToken,
    mode: RevocationMode,
    edgeState: EdgeState,
    counters: readonly Counter[],
  ): Promise<RevocationOutcome> {
    const keys = keysOf(token);
    if (mode === "strict") {
      edgeState.askedAt ??= now();
      refuseRevoked(token, await readEdgeState(keys, edgeState, counters));
      return "clear";
    }
    // A minimum refuses one token of a subject and not the other: without what is compared with it
    // the newer token's answer would let the revoked one in, where the issuer gives neither jti nor sid.
    const identity = JSON.stringify([...keys, token.uv ?? token.iat]);
    if (fresh.isFresh(identity, mode.boundedMs)) return "fresh";
    // An answer is as old as its question: what was written meanwhile may not be in it.
    const askedAt = edgeState.askedAt ??= now();
    fresh.forget(identity);
    refuseRevoked(token, await readEdgeState(keys, edgeState, counters));
    fresh.keep(identity, askedAt);
    return "clear";
  }

  return {
    async check(token, mode, edgeState = {}, counters = []) {
      try {
        const answer = await decide(token, mode, edgeState, counters);
        count("edgepass.revocation.checks", { "edgepass.revocation.answer": answer });
        return answer;
      } catch (error) {
        const answer = nameRefusal(error);
        count("edgepass.revocation.checks", { "edgepass.revocation.answer": answer });
        throw error;
      }
    },
    async count(edgeState, counters) {
      if (edgeState.counting) return incrementDeferred(edgeState, counters);
      if (counters.length === 0) return;
      try {
        await read([], { edgeState, counters });
      } catch (cause) {
        log.debug("Requests are counted here alone", { cause });
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

/** What a span says of a check. */
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

/** The subject's key comes first; its value is a minimum, the others only need to be there. */
function keysOf({ alias, sub, kid, jti, sid }: AccessToken): string[] {
  return [
    revocationKeys.of("subject", sub, alias),
    revocationKeys.of("key", kid, alias),
    ...(jti === undefined ? [] : [revocationKeys.of("token", jti, alias)]),
    ...(sid === undefined ? [] : [revocationKeys.of("login", sid, alias)]),
  ];
}

function refuseRevoked(token: AccessToken, [subject, ...others]: Entries): void {
  if (others.some((mark) => mark !== null) || isBelow(token, subject ?? null)) {
    throw new Problem("token_revoked");
  }
}

/** Ours are compared by account version, others by the time they were issued. */
function isBelow({ uv, iat }: AccessToken, mark: string | null): boolean {
  if (mark === null) return false;
  if (!/^\d{1,15}$/.test(mark)) throw new Problem("revocation_unavailable");
  return (uv ?? iat) < Number(mark);
}

/** Undefined for counts that are not understood: then this instance counts alone. */
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
