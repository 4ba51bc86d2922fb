import type { AccessToken } from "@edgepass/shared/tokens";
import type { Logger } from "@edgepass/shared/log";
import { background } from "@edgepass/shared/background";
import { Problem } from "@edgepass/shared/problem";
import { type Redis, revocationKeys } from "@edgepass/shared/redis";
import type { RevocationMode } from "./routes.ts";

export interface RevocationOptions {
  /** With its budget of time built in. */
  readonly redis: Redis;
  /** Asks the keeper of the durable log to fill an emptied Redis; without one emptiness is not looked for. */
  readonly refill?: () => Promise<void>;
}

export interface Revocation {
  /**
   * Refuses a revoked token. Token, login, subject and key are asked in one command.
   *
   * @throws {Problem} `token_revoked`; `revocation_unavailable` when Redis gives no usable reply
   */
  check(token: AccessToken, mode: RevocationMode): Promise<void>;
  /** Whether the list is there and complete. */
  isReady(): Promise<boolean>;
}

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
    if (!refill || now() - refilledAt < refillEveryMs) return;
    refilledAt = now();
    log.warn("Revocation list is empty: asking for a refill");
    background(refill(), (cause) => log.error("Revocation list was not refilled", { cause }));
  }

  async function read(keys: readonly string[]): Promise<readonly (string | null)[]> {
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

  function isFresh(key: string, mode: RevocationMode): boolean {
    const at = mode === "strict" ? undefined : answeredAt.get(key);
    return mode !== "strict" && at !== undefined && now() - at <= mode.boundedMs;
  }

  function keep(key: string): void {
    const [oldest] = answeredAt.size >= maxAnswers ? answeredAt.keys() : [];
    if (oldest !== undefined) answeredAt.delete(oldest);
    answeredAt.delete(key);
    answeredAt.set(key, now());
  }

  return {
    async check(token, mode) {
      const keys = keysOf(token);
      const identity = keys.join(" ");
      if (isFresh(identity, mode)) return;
      const marks = await read(keys);
      const [subject, ...others] = marks;
      if (others.some((mark) => mark !== null) || isBelow(token, subject ?? null)) {
        answeredAt.delete(identity);
        throw new Problem("token_revoked");
      }
      if (mode !== "strict") keep(identity);
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

/** The subject's key comes first; its value is a minimum, the others only need to be there. */
function keysOf({ alias, sub, kid, jti, sid }: AccessToken): string[] {
  return [
    revocationKeys.of("subject", sub, alias),
    revocationKeys.of("key", kid, alias),
    ...(jti === undefined ? [] : [revocationKeys.of("token", jti, alias)]),
    ...(sid === undefined ? [] : [revocationKeys.of("login", sid, alias)]),
  ];
}

/** Ours are compared by account version, others by the time they were issued. */
function isBelow({ uv, iat }: AccessToken, mark: string | null): boolean {
  if (mark === null) return false;
  const minimum = Number(mark);
  if (!/^\d{1,15}$/.test(mark)) throw new Problem("revocation_unavailable");
  return (uv ?? iat) < minimum;
}

function isReply(value: unknown, length: number): value is (string | null)[] {
  return Array.isArray(value) && value.length === length &&
    value.every((item) => item === null || typeof item === "string");
}
