import type { AccessToken } from "@edgepass/shared/tokens";
import type { Logger } from "@edgepass/shared/log";
import { background } from "@edgepass/shared/background";
import { Problem } from "@edgepass/shared/problem";
import { type Redis, revocationKeys } from "@edgepass/shared/redis";
import { count } from "@edgepass/shared/telemetry";
import type { Attributes } from "@opentelemetry/api";
import type { RevocationMode } from "./routes.ts";
import type { Outcome } from "./steps.ts";

/** Where revocations are asked for. */
export interface RevocationOptions {
  /** With its budget of time built in. */
  readonly redis: Redis;
  /** Asks the keeper of the durable log to fill an emptied Redis; without one emptiness is not looked for. */
  readonly refill?: () => Promise<void>;
}

export interface Revocation {
  /**
   * Refuses a revoked token. Token, login, subject and key are asked in one command; within a
   * route's bound the last answer still holds.
   *
   * @throws {Problem} `token_revoked`; `revocation_unavailable` when Redis gives no usable reply
   */
  check(token: AccessToken, mode: RevocationMode): Promise<RevocationAnswer>;
  /** Whether the list is there and complete. */
  isReady(): Promise<boolean>;
}

/** Why a token passes: Redis was asked just now, or recently enough for the route. */
export type RevocationAnswer = "clear" | "fresh";

/** What Redis has under each key that was asked, in that order. */
type Marks = readonly (string | null)[];

/** Answers kept for bounded routes. */
const maxAnswers = 10_000;
/** An emptied Redis is reported once in this time, in milliseconds. */
const refillEveryMs = 1_000;

/** Makes the revocation check. Whatever is not understood is never "not revoked". */
export function createRevocation(
  { redis, refill }: RevocationOptions,
  { now, log }: { now: () => number; log: Logger },
): Revocation {
  const answeredAt = new Map<string, number>();
  let refilledAt = Number.NEGATIVE_INFINITY;

  function askForRefill(): void {
    // A clock that was set back must not stop refills until it has caught up.
    if (!refill || Math.abs(now() - refilledAt) < refillEveryMs) return;
    refilledAt = now();
    log.warn("Revocation list is empty: asking for a refill");
    background(refill(), (cause) => log.error("Revocation list was not refilled", { cause }));
  }

  async function read(keys: readonly string[]): Promise<Marks> {
    const replies = await redis.pipeline((pipeline) => pipeline.mget(revocationKeys.ready, ...keys))
      .catch((cause: unknown) => {
        throw new Problem("revocation_unavailable", { cause });
      });
    const values = replies[0];
    if (!isReply(values, keys.length + 1)) throw new Problem("revocation_unavailable");
    const [ready, ...marks] = values;
    if (refill && ready === null) {
      askForRefill();
      throw new Problem("revocation_unavailable");
    }
    return marks;
  }

  function isFresh(identity: string, boundedMs: number): boolean {
    const age = now() - (answeredAt.get(identity) ?? Number.NEGATIVE_INFINITY);
    return age >= 0 && age <= boundedMs;
  }

  function keep(identity: string, askedAt: number): void {
    const [oldest] = answeredAt.size >= maxAnswers ? answeredAt.keys() : [];
    if (oldest !== undefined) answeredAt.delete(oldest);
    answeredAt.delete(identity);
    answeredAt.set(identity, askedAt);
  }

  async function decide(token: AccessToken, mode: RevocationMode): Promise<RevocationAnswer> {
    const keys = keysOf(token);
    if (mode === "strict") {
      refuseRevoked(token, await read(keys));
      return "clear";
    }
    const identity = JSON.stringify(keys);
    if (isFresh(identity, mode.boundedMs)) return "fresh";
    // An answer is as old as its question: what was written meanwhile may not be in it.
    const askedAt = now();
    answeredAt.delete(identity);
    refuseRevoked(token, await read(keys));
    keep(identity, askedAt);
    return "clear";
  }

  return {
    async check(token, mode) {
      try {
        const answer = await decide(token, mode);
        count("edgepass.revocation.checks", { "edgepass.revocation.answer": answer });
        return answer;
      } catch (error) {
        const answer = nameRefusal(error);
        count("edgepass.revocation.checks", { "edgepass.revocation.answer": answer });
        throw error;
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
): (outcome: Outcome<RevocationAnswer>) => Attributes {
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

function refuseRevoked(token: AccessToken, [subject, ...others]: Marks): void {
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

function isReply(value: unknown, length: number): value is (string | null)[] {
  return Array.isArray(value) && value.length === length &&
    value.every((item) => item === null || typeof item === "string");
}
