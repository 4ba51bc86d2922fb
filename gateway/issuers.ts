import { background } from "@edgepass/shared/context";
import {
  importIssuerKeys,
  type IssuerKeys,
  JwkSet,
  type KeyName,
  type VerificationKey,
} from "@edgepass/shared/crypto";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import {
  type AccessTokenIssuer,
  externalTokenLifeSeconds,
  externalTypes,
  indexIssuers,
  isIssuerAlias,
  type Issuers,
  maxAccessTokenBytes,
} from "@edgepass/shared/tokens";

/** An issuer whose access tokens the gateway accepts. */
export interface IssuerOptions
  extends
    Pick<AccessTokenIssuer, "alias" | "iss" | "tenants" | "clients" | "require" | "algorithms">,
    Partial<Pick<AccessTokenIssuer, "typ" | "claims" | "maxLifeSeconds" | "maxTokenBytes">> {
  /** `aud` of tokens that are meant for this gateway: one of these. */
  readonly audience?: string | readonly string[];
  /** The public keys themselves, or how to fetch them. */
  readonly jwks: JwkSet | ((signal: AbortSignal) => Promise<Response>);
  /** Whether the gateway is not ready while this issuer's keys are away. */
  readonly required?: boolean;
}

/** The cached keys of one issuer. */
export interface JwksKeys {
  /**
   * The key that a token's header names. Unknown `kid`s cause one reload in 30 s at most: a client
   * can invent any number of them.
   *
   * @throws {Problem} `upstream_unavailable` while there is no key set fresh enough to trust
   */
  findKey(name: KeyName): Promise<VerificationKey | undefined>;
  /** The key that verifies at this moment, from memory alone. */
  currentKey(name: KeyName): VerificationKey | undefined;
  /** Reads the set again if it lacks a `kid` that the central configuration names. */
  expectKeys(kids: readonly string[]): Promise<void> | undefined;
  /** Whether a usable key set was read; without one no token can be verified. */
  isReady(): Promise<boolean>;
}

/** An issuer with its keys. */
export type Issuer = AccessTokenIssuer & JwksKeys;

/**
 * Makes the issuers searchable by `iss`.
 *
 * @throws {RangeError} for an alias or `iss` that occurs twice, or an alias that could be taken for
 * one of our own people
 */
export function createIssuers(
  options: readonly IssuerOptions[],
  effects: { now: () => number; log: Logger },
): Issuers<Issuer> {
  const aliases = new Set<string | undefined>();
  const rows = options.map((issuer): Issuer => {
    const { alias, audience, ...rest } = issuer;
    if (alias !== undefined && !isIssuerAlias(alias)) {
      throw new RangeError("Cannot start: ISSUERS has an alias that is not usable");
    }
    if (aliases.has(alias)) throw new RangeError("Cannot start: ISSUERS has an alias twice");
    aliases.add(alias);
    return {
      typ: externalTypes,
      claims: {},
      maxLifeSeconds: externalTokenLifeSeconds,
      maxTokenBytes: maxAccessTokenBytes,
      ...rest,
      ...(alias === undefined ? {} : { alias }),
      ...(audience === undefined
        ? {}
        : { audience: typeof audience === "string" ? [audience] : audience }),
      ...createJwksKeys({ ...issuer, ...effects }),
    };
  });
  return indexIssuers(rows);
}

type JwksKeysOptions = Pick<IssuerOptions, "iss" | "jwks" | "algorithms"> & {
  readonly now: () => number;
  readonly log: Logger;
};

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
  readonly keys: IssuerKeys;
  readonly readAt: number;
  readonly freshMs: number;
}

/**
 * Caches an issuer's key set: stale while it is revalidated, and the last good set while the issuer
 * does not respond (RFC 5861). Concurrent readers share one reload, and requests share nothing
 * else.
 */
export function createJwksKeys(options: JwksKeysOptions): JwksKeys {
  const { iss, now, log } = options;
  let loaded: Loaded | undefined;
  const { reload, isLoading, msSinceTry } = createReload(async () => {
    try {
      loaded = await load(options);
    } catch (error) {
      log.warn("Issuer's keys could not be read", { iss, cause: error });
    }
  }, now);

  function usable(): Loaded | undefined {
    return loaded && msBetween(loaded.readAt, now()) <= limits.lastGoodMs ? loaded : undefined;
  }

  function currentKey(name: KeyName): VerificationKey | undefined {
    const known = usable();
    if (!known) return undefined;
    const isDue = msBetween(known.readAt, now()) > known.freshMs;
    if (isDue && msSinceTry() >= Math.min(known.freshMs, limits.cooldownMs)) reload();
    return known.keys.find(name);
  }

  return {
    currentKey,
    async findKey(name) {
      const known = currentKey(name);
      if (known) return known;
      const cooldownMs = usable() ? limits.cooldownMs : limits.firstCooldownMs;
      if (isLoading() || msSinceTry() >= cooldownMs) await reload();
      const now = usable();
      if (!now) throw new Problem("upstream_unavailable");
      return now.keys.find(name);
    },
    expectKeys(kids) {
      const known = usable();
      return !known || kids.every((kid) => known.keys.has(kid)) ? undefined : reload();
    },
    async isReady() {
      if (!usable() && (isLoading() || msSinceTry() >= limits.firstCooldownMs)) await reload();
      return usable() !== undefined;
    },
  };
}

/** A clock that was set back must not keep keys fresh, or suppress reloads, until it catches up. */
function msBetween(at: number, now: number): number {
  return Math.abs(now - at);
}

/** Runs `load` once at a time; who asks meanwhile waits for the same run. */
function createReload(load: () => Promise<void>, now: () => number) {
  let loading: Promise<void> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  const msSinceTry = (): number => msBetween(triedAt, now());
  return {
    isLoading: () => loading !== undefined,
    msSinceTry,
    reload(): Promise<void> {
      // Workers may cancel the request that loads, and its promise then never settles.
      if (loading && msSinceTry() <= 2 * limits.timeoutMs) return loading;
      triedAt = now();
      const own = load().finally(() => {
        if (loading === own) loading = undefined;
      });
      loading = own;
      background(own, () => {});
      return own;
    },
  };
}

async function load({ jwks, algorithms, now }: JwksKeysOptions): Promise<Loaded> {
  const { set, freshMs } = await readSet(jwks);
  const keys = await importIssuerKeys(set, algorithms);
  if (keys.entries.length === 0) throw new TypeError("No usable key in the set");
  return { keys, readAt: now(), freshMs };
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
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > limits.maxBytes) throw new RangeError("Key set is too large");
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}
