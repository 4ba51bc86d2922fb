import { background } from "@edgepass/shared/context";
import type { IssuerKeys, KeyName, VerificationKey } from "@edgepass/shared/crypto";
import { Problem } from "@edgepass/shared/problem";
import type { Logger } from "@edgepass/shared/telemetry";
import type { KeySearch } from "@edgepass/shared/tokens";
import {
  describeDropped,
  type KeySetSource,
  loadMs,
  readIssuerKeys,
  requireUsableKey,
} from "./discovery.ts";

/** Whether an issuer's keys can be read: from the issuer, only from memory, or not at all. */
export type IssuerState = "ready" | "stale" | "away";

/** The cached keys of one issuer. */
export interface KeyCache {
  /**
   * The key that a header names, and that `verifies`; undefined when a set that was read after this
   * call has none. An unknown key causes one reload in 30 s at most: a client can invent any number
   * of names and signatures.
   *
   * @throws {Problem} `upstream_unavailable` with `Retry-After` while there is no set fresh enough
   * to trust, while the issuer cannot be asked for an unknown key, and to more than a few requests
   * that would wait for it
   */
  findKey(name: KeyName, search?: KeySearch): Promise<VerificationKey | undefined>;
  /** The key that verifies at this moment, from memory alone. */
  currentKey(name: KeyName): VerificationKey | undefined;
  /** Reads the set again if it lacks a `kid` that the central configuration names. */
  expectKeys(kids: readonly string[]): Promise<void> | undefined;
  /** The issuer's state; it waits a moment for the first set. */
  readState(): Promise<IssuerState>;
}

export interface KeyCacheOptions extends KeySetSource {
  readonly iss: string;
  /** Absent for our own auth service. */
  readonly alias?: string;
  readonly now: () => number;
  readonly log: Logger;
}

/** Limits in milliseconds: cached keys outlive an issuer's outage of a day. */
const limits = {
  cooldownMs: 30_000,
  firstCooldownMs: 1_000,
  lastGoodMs: 48 * 3_600_000,
  /** A load may be slow; no request waits longer for it. */
  waitMs: 2_000,
  /**
   * How many requests wait for one load. With keys in memory they are those with an unknown key,
   * which anyone can send.
   */
  waiting: 16,
  /** Without any it is every request of the issuer, such as the first ones of a new instance. */
  firstWaiting: 256,
  /** Load balancers ask for readiness with time limits of a second or two. */
  readyWaitMs: 750,
} as const;

interface Loaded {
  readonly keys: IssuerKeys;
  /** The number of the load that read it. */
  readonly load: number;
  readonly readAt: number;
  /** Infinite for a set of the settings, which no load can change. */
  readonly freshMs: number;
  /** The newest `kid`s that earlier sets had and this one has not. */
  readonly withdrawn: ReadonlySet<string>;
}

/** The set in memory, and the loads that replace it. */
function createCachedSet(options: KeyCacheOptions) {
  const { now } = options;
  const report = createReport(options);
  let loaded: Loaded | undefined;
  const loader = createLoader(async (load) => {
    try {
      const read = await readIssuerKeys(options);
      // The first set is a mistake of the settings; a later one withdraws the keys before it.
      if (!loaded) requireUsableKey(read.keys);
      // A load that was given up and ends late must not bring withdrawn keys back.
      if (loaded && loaded.load > load) return;
      loaded = { ...read, load, readAt: now(), withdrawn: findWithdrawn(loaded, read.keys) };
      report.read(loaded.keys);
    } catch (error) {
      report.failed(error);
    }
  }, now);

  function usable(): Loaded | undefined {
    return loaded && msBetween(loaded.readAt, now()) <= limits.lastGoodMs ? loaded : undefined;
  }

  const hasKeys = () => (usable()?.keys.entries.length ?? 0) > 0;
  const cooldownMs = () => hasKeys() ? limits.cooldownMs : limits.firstCooldownMs;

  return {
    loader,
    usable,
    hasKeys,
    isFailing: report.isFailing,
    /** When a load may begin again, or the one that runs has ended. */
    retryAfterMs: () =>
      loader.running() ? limits.waitMs : Math.max(0, cooldownMs() - loader.msSinceTry()),
    /** The load that runs; it begins here unless the cool-down holds it back. */
    ensureLoad(): Promise<void> | undefined {
      return loader.running() ?? (loader.msSinceTry() < cooldownMs() ? undefined : loader.start());
    },
  };
}

/**
 * Caches an issuer's key set: stale while it is revalidated, and the last good set while the issuer
 * does not respond (RFC 5861). Concurrent readers share one load, and requests share nothing else.
 */
export function createKeyCache(options: KeyCacheOptions): KeyCache {
  const { now } = options;
  const { loader, usable, hasKeys, isFailing, retryAfterMs, ensureLoad } = createCachedSet(options);

  function currentKey(name: KeyName): VerificationKey | undefined {
    const known = usable();
    if (!known) return undefined;
    const isDue = msBetween(known.readAt, now()) > known.freshMs;
    if (isDue && loader.msSinceTry() >= Math.min(known.freshMs, limits.cooldownMs)) loader.start();
    return known.keys.find(name);
  }

  let waiting = { load: 0, count: 0 };

  /**
   * Waits for the load that runs or may begin, unless too many have. They are counted by load, not
   * while they wait: on Workers the request of a client that leaves never goes on.
   */
  async function awaitLoad(onWait: KeySearch["onWait"]): Promise<void> {
    const load = ensureLoad();
    if (!load) return;
    if (waiting.load !== loader.count()) waiting = { load: loader.count(), count: 0 };
    if (waiting.count >= (hasKeys() ? limits.waiting : limits.firstWaiting)) return;
    waiting.count++;
    onWait?.();
    await waitAtMost(limits.waitMs, load);
  }

  return {
    currentKey,
    async findKey(name, { verifies = () => Promise.resolve(true), onWait } = {}) {
      const arrivedAfter = loader.count();
      const known = currentKey(name);
      if (known && await verifies(known)) return known;
      if (isDecided(usable(), name)) return undefined;
      await awaitLoad(onWait);
      const set = usable();
      const key = set?.keys.find(name);
      if (key && key !== known && await verifies(key)) return key;
      if (isDecided(set, name) || (set && set.load > arrivedAfter)) return undefined;
      // People whose key was withdrawn have to log in again, not to wait.
      if (name.kid !== undefined && set?.withdrawn.has(name.kid)) return undefined;
      // "Not valid" would log people out whose key is newer than the set in memory.
      const seconds = Math.max(1, Math.ceil(retryAfterMs() / 1000));
      const headers = { "retry-after": String(seconds) };
      throw new Problem("upstream_unavailable", { headers, issuer: options.alias ?? "user" });
    },
    expectKeys(kids) {
      const known = usable();
      return !known || kids.every(known.keys.has) ? undefined : loader.start();
    },
    async readState() {
      if (!hasKeys()) {
        const load = ensureLoad();
        await waitAtMost(limits.readyWaitMs - loader.msSinceTry(), load);
      }
      if (!hasKeys()) return "away";
      return isFailing() ? "stale" : "ready";
    },
  };
}

/**
 * Whether a set decides on a token that none of its keys verifies, without another load: a set of
 * the settings always does, and one that has the `kid` with another algorithm, or several keys for
 * a header that names none. A reload would not change what such a token is.
 */
function isDecided(set: Loaded | undefined, { kid, alg }: KeyName): boolean {
  if (!set) return false;
  if (set.freshMs === Number.POSITIVE_INFINITY) return true;
  if (kid !== undefined) return set.keys.has(kid);
  return set.keys.find({ alg }) === undefined &&
    set.keys.entries.some((entry) => entry.alg === alg);
}

const maxWithdrawn = 100;

function findWithdrawn(before: Loaded | undefined, { has }: IssuerKeys): ReadonlySet<string> {
  const kids = before ? [...before.withdrawn, ...before.keys.entries.map(({ kid }) => kid)] : [];
  return new Set(kids.filter((kid) => !has(kid)).slice(-maxWithdrawn));
}

/** A clock that was set back must not keep keys fresh, or suppress loads, until it catches up. */
function msBetween(at: number, now: number): number {
  return Math.abs(now - at);
}

/** Waits for a load, but no longer than this: it goes on when a request gives up. */
async function waitAtMost(ms: number, load: Promise<void> | undefined): Promise<void> {
  if (load === undefined) return;
  const over = Promise.withResolvers<void>();
  // On Workers the request that loads may be cancelled; one that waits without a timer of its own
  // would be ended by the runtime as hanging.
  const timer = setTimeout(over.resolve, Math.max(ms, 0));
  await Promise.race([load, over.promise]);
  clearTimeout(timer);
}

/** Runs `load` once at a time, with its number. */
function createLoader(load: (count: number) => Promise<void>, now: () => number) {
  let running: Promise<void> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let count = 0;
  const msSinceTry = (): number => msBetween(triedAt, now());
  // Workers may cancel the request that loads, and its promise then never settles.
  const current = () => msSinceTry() <= loadMs + limits.waitMs ? running : undefined;
  return {
    /** How many loads have begun. */
    count: () => count,
    msSinceTry,
    running: current,
    start(): Promise<void> {
      const before = current();
      if (before) return before;
      triedAt = now();
      const own = load(++count).finally(() => {
        if (running === own) running = undefined;
      });
      running = own;
      background(own, () => {});
      return own;
    },
  };
}

/** Logs what an operator has to know about an issuer's set, each fact once. */
function createReport({ alias: issuer = "user", iss, log }: Omit<KeyCacheOptions, "jwks">) {
  let isFailing = false;
  let dropped = "";
  let wasEmpty = false;
  return {
    isFailing: () => isFailing,
    read(keys: IssuerKeys): void {
      if (isFailing) log.info("Issuer's keys are read again", { issuer, iss });
      isFailing = false;
      const text = describeDropped(keys.dropped);
      const isEmpty = keys.entries.length === 0;
      if (isEmpty && !wasEmpty) {
        log.warn("Issuer has withdrawn its keys: none is usable", { issuer, iss, dropped: text });
      }
      wasEmpty = isEmpty;
      if (text !== dropped && text !== "") {
        log.info("Keys of an issuer's set are not used", { issuer, iss, dropped: text });
      }
      dropped = text;
    },
    failed(cause: unknown): void {
      isFailing = true;
      log.warn("Issuer's keys could not be read", { issuer, iss, cause });
    },
  };
}
