import { count } from "../context/measure.ts";
import { currentContext } from "../context/request_context.ts";
import { background } from "../isolate.ts";
import type { Logger } from "../log.ts";
import type { Redis } from "../redis/mod.ts";
import { fetchConfiguration, fetchVersion, type StoredConfiguration } from "./stored.ts";

/** A version of the configuration and its values; version 0 is the environment alone. */
export interface CurrentConfiguration<Values> {
  /** Version of the central document. */
  readonly version: number;
  /** Values of the document, with the environment as default. */
  readonly values: Values;
}

/** One program's part of the central configuration, which changes at run time. */
export interface LiveConfiguration<Values> {
  /** The current configuration. */
  current(): CurrentConfiguration<Values>;
  /**
   * Loads a version that another program has observed. Returns undefined, at no cost, if that
   * version is current already.
   *
   * It never throws: if a version cannot be fetched or is invalid, the last valid one stays
   * current. An invalid version is not fetched again. A failed fetch is repeated at most once a
   * second. Requests share one fetch, and wait for it as long as for one of their own.
   */
  observeVersion(version: number | undefined): Promise<void> | undefined;
  /**
   * Loads the version that Redis names now. Requests share one query; a request that finds an
   * earlier query in progress shares the next one. With `everyMs` queries have at least that
   * distance. With `mayAsk` a query needs its permission; it is called for each query.
   *
   * Returns false if the newest version could not be loaded, so that a retry may help.
   */
  refresh(
    options?: { readonly everyMs?: number; readonly mayAsk?: () => boolean },
  ): Promise<boolean>;
  /**
   * For a request that reads nothing else from Redis: loads the version that Redis names, if no
   * version has been observed yet; in the background, if the last observation is more than five
   * seconds ago.
   */
  ensureLoaded(): Promise<void> | undefined;
  /**
   * Derives an object from the values, now and for each new version before it becomes current. If
   * `make` throws, that version is refused.
   */
  select<Made>(make: (values: Values, version: number) => Made): () => Made;
  /**
   * Runs a step with the new values before a version becomes current. Requests that wait for the
   * version wait for the step too. A failed step is ignored: `select` refuses what is missing. A
   * step returns undefined if there is nothing to wait for.
   */
  prepare(step: (values: Values) => Promise<void> | undefined): void;
}

/** Options of {@link createLiveConfiguration}. */
export interface LiveConfigurationOptions<Values> {
  /** Redis with the document, with its own timeout; a read-only token is enough. */
  readonly redis: Redis;
  /** The values before the first document: the environment and its defaults. */
  readonly initial: Values;
  /** Reads a document over the environment. @throws {RangeError} for an invalid document */
  readonly read: (document: unknown) => Values;
  /** Called lazily, because the logger may take its level from this configuration. */
  readonly log: () => Logger;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

const limits = { retryMs: 1_000, waitMs: 2_000, pollMs: 5_000 } as const;

type Effects<Values> = Required<LiveConfigurationOptions<Values>>;
type Versioned<Values> = ReturnType<typeof createVersioned<Values>>;

/** Creates the configuration of one program, which follows the central document. */
export function createLiveConfiguration<Values>(
  { now = Date.now, ...options }: LiveConfigurationOptions<Values>,
): LiveConfiguration<Values> {
  const effects = { ...options, now };
  const selected = createVersioned({ version: 0, values: options.initial });
  const adoption = createAdoption(selected, effects);
  const load = createLoad(adoption, effects);
  let observedAt = Number.NEGATIVE_INFINITY;

  function observeVersion(version: number | undefined): Promise<void> | undefined {
    observedAt = now();
    return version !== undefined && adoption.isNewer(version) ? load(version) : undefined;
  }

  const refresh = createRefresh(async (version) => {
    await observeVersion(version);
    return version === undefined || !adoption.isNewer(version);
  }, effects);

  function ensureLoaded(): Promise<void> | undefined {
    if (isWithin(limits.pollMs, observedAt, now())) return undefined;
    const refreshed = refresh({ everyMs: limits.retryMs }).then(() => {});
    if (observedAt === Number.NEGATIVE_INFINITY) return refreshed;
    background(refreshed, () => {});
    return undefined;
  }

  const { current, select, onPrepare: prepare } = selected;
  return { current, select, prepare, observeVersion, refresh, ensureLoaded };
}

/** Absolute: a clock that was set back must not stop retries until it has caught up. */
function isWithin(ms: number, at: number, now: number): boolean {
  return Math.abs(now - at) < ms;
}

/** Makes valid documents current, and remembers the highest version that is invalid. */
function createAdoption<Values>(selected: Versioned<Values>, { read, log }: Effects<Values>) {
  let refused = 0;
  const isNewer = (version: number): boolean =>
    version > selected.current().version && version > refused;
  return {
    isNewer,
    async adopt({ version, document }: StoredConfiguration): Promise<void> {
      if (!isNewer(version)) return;
      try {
        const values = read(document);
        const steps = selected.prepare(values);
        if (steps.length > 0) await Promise.allSettled(steps);
        // A concurrent fetch may have loaded a newer version.
        if (!isNewer(version)) return;
        selected.adopt({ version, values });
        countFetch("adopted");
        log().info("Configuration applied", { version });
      } catch (cause) {
        refused = version;
        countFetch("refused");
        const message = "Configuration is invalid: the last valid one stays current";
        log().error(message, { version, cause });
      }
    },
  };
}

/** Fetches a version that is not current; requests share one fetch. */
function createLoad<Values>(
  { isNewer, adopt }: ReturnType<typeof createAdoption<Values>>,
  { redis, log, now }: Effects<Values>,
) {
  /** The version that was fetched last, and when. */
  let tried = 0;
  let triedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  async function fetch(version: number): Promise<void> {
    try {
      const stored = await fetchConfiguration(redis);
      if (stored) await adopt(stored);
      if (stored && stored.version >= version) return;
      countFetch("missing");
      log().warn("Configuration is missing", { version });
    } catch (cause) {
      countFetch("unavailable");
      log().warn("Configuration was not read", { version, cause });
    }
  }

  function start(version: number): Promise<void> {
    tried = version;
    triedAt = now();
    const own = fetch(version).finally(() => {
      if (fetching === own) fetching = undefined;
    });
    fetching = own;
    background(own, () => {});
    return own;
  }

  const wasJustTried = (version: number): boolean =>
    version === tried && isWithin(limits.retryMs, triedAt, now());

  /**
   * The fetch may have begun before the version was stored, so the version is checked afterwards.
   */
  async function follow(running: Promise<void>, version: number): Promise<void> {
    await waitBriefly(running);
    if (!isNewer(version)) return;
    if (fetching) return await waitBriefly(fetching);
    if (!wasJustTried(version)) await start(version);
  }

  return function load(version: number): Promise<void> | undefined {
    // Workers may cancel the request that fetches; its promise then never settles.
    if (fetching && isWithin(limits.waitMs, triedAt, now())) return follow(fetching, version);
    return wasJustTried(version) ? undefined : start(version);
  };
}

/** Queries the version that Redis names; requests share one query. */
function createRefresh<Values>(
  observe: (version: number | undefined) => Promise<boolean>,
  { redis, log, now }: Effects<Values>,
): LiveConfiguration<Values>["refresh"] {
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let refreshing: Promise<boolean> | undefined;

  async function query(): Promise<boolean> {
    try {
      return await observe(await fetchVersion(redis));
    } catch (cause) {
      countFetch("unavailable");
      log().warn("Version of the configuration was not read", { cause });
      return false;
    }
  }

  /** The query may have begun before the version was stored, so a waiting request queries again. */
  return async function refresh({ everyMs, mayAsk } = {}) {
    let isCurrent = true;
    // Workers may cancel the request that queries; its promise then never settles.
    if (refreshing && isWithin(limits.waitMs, refreshedAt, now())) {
      const before = refreshing;
      isCurrent = await waitBriefly(before) ?? false;
      if (refreshing && refreshing !== before) return await waitBriefly(refreshing) ?? false;
    }
    const isSoon = everyMs !== undefined && isWithin(everyMs, refreshedAt, now());
    if (isSoon || mayAsk?.() === false) return isCurrent;
    refreshedAt = now();
    const own = query().finally(() => {
      if (refreshing === own) refreshing = undefined;
    });
    refreshing = own;
    background(own, () => {});
    return await own;
  };
}

/** A configuration that never changes: the environment alone, version 0. */
export function staticConfiguration<Values>(values: Values): LiveConfiguration<Values> {
  const { current, select } = createVersioned({ version: 0, values });
  return {
    current,
    select,
    prepare() {},
    observeVersion: () => undefined,
    refresh: () => Promise.resolve(true),
    ensureLoaded: () => undefined,
  };
}

/** Stores a version and the objects derived from it; all of them always have the same version. */
function createVersioned<Values>(initial: CurrentConfiguration<Values>) {
  let current = initial;
  const makers: ((next: CurrentConfiguration<Values>) => () => void)[] = [];
  const steps: ((values: Values) => Promise<void> | undefined)[] = [];
  return {
    current: () => current,
    onPrepare: (step: (typeof steps)[number]): void => void steps.push(step),
    /** Starts the steps, and returns the ones to wait for. */
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

/** Waits for another request's fetch with a timeout; each request has its own timer. */
async function waitBriefly<Result>(work: Promise<Result>): Promise<Result | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), limits.waitMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function countFetch(outcome: "adopted" | "refused" | "missing" | "unavailable"): void {
  count("edgepass.configuration.fetches", {
    "edgepass.service": currentContext()?.service,
    "edgepass.outcome": outcome,
  });
}
