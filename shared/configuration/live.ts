import { background } from "../background.ts";
import { currentContext } from "../context.ts";
import type { Logger } from "../log.ts";
import type { Redis } from "../redis/mod.ts";
import { count } from "../telemetry/mod.ts";
import { fetchConfiguration, fetchVersion, type StoredConfiguration } from "./stored.ts";

/** A version and what it says; version 0 is the environment alone. */
export interface CurrentConfiguration<Values> {
  /** Of the central document. */
  readonly version: number;
  /** What the document says over the environment. */
  readonly values: Values;
}

/** The part of the central configuration that one program lives by, in force at run time. */
export interface LiveConfiguration<Values> {
  /** What is in force at this moment. */
  current(): CurrentConfiguration<Values>;
  /**
   * Gets a version in force that somebody else has seen, unless it is in force already; then it
   * answers undefined and costs nothing.
   *
   * It never throws: what cannot be fetched, or does not fit, leaves the last good version in force.
   * A version that does not fit is not asked for again, one that could not be fetched is, once a
   * second at most. Requests share one fetch, and wait for it as long as for one of their own.
   */
  observeVersion(version: number | undefined): Promise<void> | undefined;
  /**
   * ObservesVersion the version that Redis names now. Requests share one question, and whoever finds one that
   * was asked before shares the next. With `everyMs` it is asked no more often than that, with
   * `mayAsk` only if that says so, which is called for each question.
   *
   * The answer is false while the newest version could not be had, so that asking again may help.
   */
  refresh(
    options?: { readonly everyMs?: number; readonly mayAsk?: () => boolean },
  ): Promise<boolean>;
  /**
   * For a request that asks Redis nothing: learns the version that Redis names, should nobody have
   * heard of any yet; and in the background, where that was more than five seconds ago.
   */
  ensureLoaded(): Promise<void> | undefined;
  /**
   * Makes something of the values, now and for each version before it gets in force. A version of
   * which `make` cannot make it, so that it throws, does not get in force.
   */
  select<Made>(make: (values: Values, version: number) => Made): () => Made;
  /**
   * Does something before each version gets in force, with what it is going to say. Requests that
   * wait for the version wait for this too; what fails is left to `select` to miss. Undefined is
   * nothing to wait for.
   */
  prepare(step: (values: Values) => Promise<void> | undefined): void;
}

/** What a live configuration needs. */
export interface LiveConfigurationOptions<Values> {
  /** Where the document is, with its budget of time built in; a token that may read is enough. */
  readonly redis: Redis;
  /** What is in force before the first document: the environment, and what it leaves out. */
  readonly initial: Values;
  /** Reads a document over the environment. @throws {RangeError} for one that does not fit */
  readonly read: (document: unknown) => Values;
  /** Called for its logger late, since a logger may take its level from here. */
  readonly log: () => Logger;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

const limits = { retryMs: 1_000, waitMs: 2_000, heardMs: 5_000 } as const;

/** Makes the configuration of one program, which learns from the central document. */
export function createLiveConfiguration<Values>(
  { redis, initial, read, log, now = Date.now }: LiveConfigurationOptions<Values>,
): LiveConfiguration<Values> {
  const selected = createSelected({ version: 0, values: initial });
  /** The highest version that did not fit. */
  let refused = 0;
  /** The version that was asked for last, and when. */
  let tried = 0;
  let triedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;
  let heardAt = Number.NEGATIVE_INFINITY;
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let refreshing: Promise<boolean> | undefined;

  /** A clock that was set back must not silence retries until it has caught up. */
  const isWithin = (at: number, ms: number): boolean => Math.abs(now() - at) < ms;
  const invalidates = (version: number): boolean =>
    version > selected.current().version && version > refused;

  async function adopt({ version, document }: StoredConfiguration): Promise<void> {
    if (!invalidates(version)) return;
    try {
      const values = read(document);
      const steps = selected.prepare(values);
      if (steps.length > 0) await Promise.allSettled(steps);
      // Another fetch may have brought a newer one meanwhile.
      if (!invalidates(version)) return;
      selected.adopt({ version, values });
      tell("adopted");
      log().info("Configuration in force", { version });
    } catch (cause) {
      refused = version;
      tell("refused");
      log().error("Configuration does not fit: the last good one stays", { version, cause });
    }
  }

  async function fetch(version: number): Promise<void> {
    try {
      const stored = await fetchConfiguration(redis);
      if (stored) await adopt(stored);
      if (stored && stored.version >= version) return;
      tell("missing");
      log().warn("Configuration is not there", { version });
    } catch (cause) {
      tell("unavailable");
      log().warn("Configuration was not read", { version, cause });
    }
  }

  function start(version: number): Promise<void> {
    tried = version;
    triedAt = now();
    const mine = fetch(version).finally(() => {
      if (fetching === mine) fetching = undefined;
    });
    fetching = mine;
    background(mine, () => {});
    return mine;
  }

  /** A fetch may have begun before the version was there, so who waited for it looks again. */
  async function follow(under: Promise<void>, version: number): Promise<void> {
    await patiently(under);
    if (!invalidates(version)) return;
    if (fetching) return await patiently(fetching);
    if (version !== tried || !isWithin(triedAt, limits.retryMs)) await start(version);
  }

  function observeVersion(version: number | undefined): Promise<void> | undefined {
    heardAt = now();
    if (version === undefined || !invalidates(version)) return undefined;
    // Workers may drop the request that fetches, and its promise then never settles.
    if (fetching && isWithin(triedAt, limits.waitMs)) return follow(fetching, version);
    return version === tried && isWithin(triedAt, limits.retryMs) ? undefined : start(version);
  }

  /** A question may have been asked before the version was there, so who waited for it asks again. */
  const refresh: LiveConfiguration<Values>["refresh"] = async ({ everyMs, mayAsk } = {}) => {
    let isKnown = true;
    // Workers may drop the request that asks, and its promise then never settles.
    if (refreshing && isWithin(refreshedAt, limits.waitMs)) {
      const before = refreshing;
      isKnown = await patiently(before) ?? false;
      if (refreshing && refreshing !== before) return await patiently(refreshing) ?? false;
    }
    const isSoon = everyMs !== undefined && isWithin(refreshedAt, everyMs);
    if (isSoon || mayAsk?.() === false) return isKnown;
    refreshedAt = now();
    const mine = ask().finally(() => {
      if (refreshing === mine) refreshing = undefined;
    });
    refreshing = mine;
    background(mine, () => {});
    return await mine;
  };

  async function ask(): Promise<boolean> {
    try {
      const version = await fetchVersion(redis);
      await observeVersion(version);
      return version === undefined || !invalidates(version);
    } catch (cause) {
      tell("unavailable");
      log().warn("Version of the configuration was not read", { cause });
      return false;
    }
  }

  function ensureLoaded(): Promise<void> | undefined {
    if (isWithin(heardAt, limits.heardMs)) return undefined;
    const refreshed = refresh({ everyMs: limits.retryMs }).then(() => {});
    if (heardAt === Number.NEGATIVE_INFINITY) return refreshed;
    background(refreshed, () => {});
    return undefined;
  }

  const { current, select, onPrepare: prepare } = selected;
  return { current, select, prepare, observeVersion, refresh, ensureLoaded };
}

/** A configuration that nobody changes: the environment alone, version 0. */
export function staticConfiguration<Values>(values: Values): LiveConfiguration<Values> {
  const { current, select } = createSelected({ version: 0, values });
  return {
    current,
    select,
    prepare() {},
    observeVersion: () => undefined,
    refresh: () => Promise.resolve(true),
    ensureLoaded: () => undefined,
  };
}

/** Holds a version and what was made of it, all of one version at any time. */
function createSelected<Values>(initial: CurrentConfiguration<Values>) {
  let current = initial;
  const makers: ((next: CurrentConfiguration<Values>) => () => void)[] = [];
  const steps: ((values: Values) => Promise<void> | undefined)[] = [];
  return {
    current: () => current,
    onPrepare: (step: (typeof steps)[number]): void => void steps.push(step),
    /** What there is to wait for. */
    prepare: (values: Values): Promise<void>[] =>
      steps.map((step) => step(values)).filter((begun) => begun !== undefined),
    adopt(next: CurrentConfiguration<Values>): void {
      const commits = makers.map((make) => make(next));
      current = next;
      for (const commit of commits) commit();
    },
    select<Made>(make: (values: Values, version: number) => Made): () => Made {
      let made = make(current.values, current.version);
      makers.push((next) => {
        const remade = make(next.values, next.version);
        return () => void (made = remade);
      });
      return () => made;
    },
  };
}

/** Waits for another request's fetch, but not without end: each request has a timer of its own. */
async function patiently<Result>(work: Promise<Result>): Promise<Result | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), limits.waitMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function tell(outcome: "adopted" | "refused" | "missing" | "unavailable"): void {
  count("edgepass.configuration.fetches", {
    "edgepass.service": currentContext()?.service,
    "edgepass.outcome": outcome,
  });
}
