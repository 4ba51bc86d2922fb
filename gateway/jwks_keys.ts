import {
  type AsymmetricAlgorithmName,
  importJwkSet,
  JwkSet,
  type KeyRing,
  type VerificationKey,
} from "@edgepass/shared/crypto";
import { concat } from "./bytes.ts";
import { background } from "@edgepass/shared/context";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";

/** The cached keys of one issuer. */
export interface JwksKeys {
  /**
   * The key with this `kid`. Unknown `kid`s cause one reload in 30 s at most: a client can invent
   * any number of them.
   *
   * @throws {Problem} `upstream_unavailable` while there is no key set fresh enough to trust
   */
  find(kid: string): Promise<VerificationKey | undefined>;
  current(kid: string): VerificationKey | undefined;
  /**
   * Reads the set again if it lacks a `kid` that a trusted source, such as the configuration,
   * names.
   */
  expect(kids: readonly string[]): Promise<void> | undefined;
  isReady(): Promise<boolean>;
}

export interface JwksKeysOptions {
  readonly iss: string;
  readonly jwks: JwkSet | ((signal: AbortSignal) => Promise<Response>);
  readonly algorithms: readonly AsymmetricAlgorithmName[];
  readonly now: () => number;
  readonly log: Logger;
}

/** Limits in milliseconds: cached keys outlive an issuer's outage of a day. */
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
 * Caches an issuer's key set: stale while it is revalidated, and the last good set while the issuer
 * does not respond (RFC 5861). Concurrent readers share one reload, and requests share nothing
 * else.
 */
export function createJwksKeys(
  { iss, jwks, algorithms, now, log }: JwksKeysOptions,
): JwksKeys {
  let loaded: Loaded | undefined;
  let loading: Promise<void> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;

  /**
   * A clock that was set back must not keep keys fresh, or suppress reloads, until it catches up.
   */
  const msSince = (at: number): number => Math.abs(now() - at);

  async function load(): Promise<void> {
    try {
      const { set, freshMs } = await readSet(jwks);
      const ring = await importJwkSet(set, algorithms);
      if (ring.size === 0) throw new TypeError("No usable key in the set");
      loaded = { ring, readAt: now(), freshMs };
    } catch (error) {
      log.warn("Issuer's keys could not be read", { iss, cause: error });
    }
  }

  function reload(): Promise<void> {
    // Workers may cancel the request that loads, and its promise then never settles.
    if (loading && msSince(triedAt) <= 2 * limits.timeoutMs) return loading;
    triedAt = now();
    const own = load().finally(() => {
      if (loading === own) loading = undefined;
    });
    loading = own;
    background(own, () => {});
    return own;
  }

  function usable(): Loaded | undefined {
    return loaded && msSince(loaded.readAt) <= limits.lastGoodMs ? loaded : undefined;
  }

  function current(kid: string): VerificationKey | undefined {
    const known = usable();
    if (!known) return undefined;
    const isDue = msSince(known.readAt) > known.freshMs;
    if (isDue && msSince(triedAt) >= Math.min(known.freshMs, limits.cooldownMs)) reload();
    return known.ring.get(kid);
  }

  return {
    current,
    async find(kid) {
      const known = current(kid);
      if (known) return known;
      const cooldownMs = usable() ? limits.cooldownMs : limits.firstCooldownMs;
      if (loading || msSince(triedAt) >= cooldownMs) await reload();
      const keys = usable();
      if (!keys) throw new Problem("upstream_unavailable");
      return keys.ring.get(kid);
    },
    expect(kids) {
      const known = usable();
      return !known || kids.every((kid) => known.ring.has(kid)) ? undefined : reload();
    },
    async isReady() {
      if (!usable() && (loading || msSince(triedAt) >= limits.firstCooldownMs)) await reload();
      return usable() !== undefined;
    },
  };
}

async function readSet(jwks: JwksKeysOptions["jwks"]): Promise<{ set: JwkSet; freshMs: number }> {
  if (typeof jwks !== "function") return { set: jwks, freshMs: Number.POSITIVE_INFINITY };
  const response = await jwks(AbortSignal.timeout(limits.timeoutMs));
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new TypeError(`Key set request failed with status ${response.status}`);
  }
  const text = await readText(response);
  const set = JwkSet.parse(JSON.parse(text));
  return { set, freshMs: freshMs(response.headers.get("cache-control")) };
}

function freshMs(cacheControl: string | null): number {
  const [, seconds] = /\bmax-age=(\d{1,9})\b/.exec(cacheControl ?? "") ?? [];
  if (seconds === undefined) return limits.defaultFreshMs;
  return Math.min(Math.max(Number(seconds) * 1000, limits.minFreshMs), limits.maxFreshMs);
}

async function readText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > limits.maxBytes) throw new RangeError("Key set is too large");
    parts.push(part);
  }
  return new TextDecoder().decode(concat(parts));
}
