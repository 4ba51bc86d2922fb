import {
  type AsymmetricAlgorithmName,
  importJwkSet,
  JwkSet,
  type KeyRing,
  type VerificationKey,
} from "@edgepass/shared/crypto";
import type { Logger } from "@edgepass/shared/log";
import { Problem } from "@edgepass/shared/problem";
import { background } from "@edgepass/shared/background";

/** The keys of one issuer, read rarely and used often. */
export interface JwksKeys {
  /**
   * The key a `kid` names. An unknown `kid` causes one reload in 30 s at most.
   *
   * @throws {Problem} `upstream_unavailable` while no set could ever be read
   */
  find(kid: string): Promise<VerificationKey | undefined>;
  current(kid: string): VerificationKey | undefined;
  isReady(): Promise<boolean>;
}

export interface JwksKeysOptions {
  readonly iss: string;
  readonly jwks: JwkSet | ((signal: AbortSignal) => Promise<Response>);
  readonly algorithms: readonly AsymmetricAlgorithmName[];
  readonly now: () => number;
  readonly log: Logger;
}

/** Limits in milliseconds (security.md D03, I11): known keys outlive a day of a silent issuer. */
const limits = {
  cooldownMs: 30_000,
  firstCooldownMs: 1_000,
  minFreshMs: 1_000,
  defaultFreshMs: 300_000,
  maxFreshMs: 3_600_000,
  lastGoodMs: 48 * 3_600_000,
  timeoutMs: 2_000,
  maxBytes: 262_144,
} as const;

interface Loaded {
  readonly ring: KeyRing;
  readonly readAt: number;
  readonly freshMs: number;
}

/**
 * Keeps an issuer's key set: stale while it is revalidated, the last good one while the issuer is
 * silent. Concurrent readers share one reload; sharing its result is the only thing requests share.
 */
export function createJwksKeys(
  { iss, jwks, algorithms, now, log }: JwksKeysOptions,
): JwksKeys {
  let loaded: Loaded | undefined;
  let loading: Promise<void> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;

  async function load(): Promise<void> {
    try {
      const { set, freshMs } = await readSet(jwks);
      const ring = await importJwkSet(set, algorithms);
      if (ring.size === 0) throw new TypeError("No usable key in the set");
      loaded = { ring, readAt: now(), freshMs };
    } catch (error) {
      log.warn("Issuer's keys could not be read", { iss, cause: error });
    } finally {
      loading = undefined;
    }
  }

  function reload(): Promise<void> {
    if (!loading) {
      triedAt = now();
      loading = load();
    }
    return loading;
  }

  const elapsed = (): number => now() - triedAt;

  function current(kid: string): VerificationKey | undefined {
    if (!loaded || now() - loaded.readAt > limits.lastGoodMs) return undefined;
    const due = now() - loaded.readAt > loaded.freshMs;
    if (due && elapsed() >= Math.min(loaded.freshMs, limits.cooldownMs)) {
      background(reload(), () => {});
    }
    return loaded.ring.get(kid);
  }

  return {
    current,
    async find(kid) {
      const known = current(kid);
      if (known) return known;
      if (loading || elapsed() >= (loaded ? limits.cooldownMs : limits.firstCooldownMs)) {
        await reload();
      }
      if (!loaded) throw new Problem("upstream_unavailable");
      return current(kid);
    },
    async isReady() {
      if (!loaded && elapsed() >= limits.firstCooldownMs) await reload();
      return loaded !== undefined;
    },
  };
}

async function readSet(jwks: JwksKeysOptions["jwks"]): Promise<{ set: JwkSet; freshMs: number }> {
  if (typeof jwks !== "function") return { set: jwks, freshMs: Number.POSITIVE_INFINITY };
  const response = await jwks(AbortSignal.timeout(limits.timeoutMs));
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new TypeError(`Key set was answered with status ${response.status}`);
  }
  const text = await response.text();
  if (text.length > limits.maxBytes) throw new RangeError("Key set is too large");
  const set = JwkSet.parse(JSON.parse(text));
  return { set, freshMs: freshMs(response.headers.get("cache-control")) };
}

function freshMs(cacheControl: string | null): number {
  const [, seconds] = /\bmax-age=(\d{1,9})\b/.exec(cacheControl ?? "") ?? [];
  if (seconds === undefined) return limits.defaultFreshMs;
  return Math.min(Math.max(Number(seconds) * 1000, limits.minFreshMs), limits.maxFreshMs);
}
