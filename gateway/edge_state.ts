import { background } from "@edgepass/shared/context";
import type { LiveConfiguration } from "@edgepass/shared/configuration";
import type { Logger } from "@edgepass/shared/telemetry";
import {
  configurationKeys,
  readConfigurationVersion,
  type Redis,
  revocationKeys,
} from "@edgepass/shared/redis";
import type { AccessToken } from "@edgepass/shared/tokens";
import { addCounters, type Counted, type Counter, readCounts } from "./rate_limits.ts";
import { type Entries, entryKeysOf } from "./revocation.ts";
import type { RevocationList } from "./revocation_list.ts";

/**
 * What Redis returned for one request. Revocation, rate limits and configuration read it and never
 * change it; a second evaluation of the request reads the same one.
 */
export interface EdgeState {
  /** When Redis was asked, in epoch milliseconds: the reply may lack what was written since. */
  readonly readAt: number;
  /** Whether Redis returned a usable reply, and with it a version. */
  readonly isReadable: boolean;
  /** The revocation entries, by key; undefined without a usable reply of a complete list. */
  readonly entries: Entries | undefined;
  /** The requests counted in each window, by the key of its counter. */
  readonly counts: ReadonlyMap<string, Counted>;
  /** The keys of the counters that Redis was requested to increment, whether it did or not. */
  readonly incremented: ReadonlySet<string>;
  /** The newest version of the central configuration, where Redis names one. */
  readonly version: number | undefined;
  /** Why there is no usable reply, for the log. */
  readonly cause?: unknown;
}

/** What a request needs of Redis. */
export interface EdgeNeed {
  /** The token whose revocation entries are read; without one none are read. */
  readonly token?: AccessToken | undefined;
  /** The counters that this request increments. */
  readonly counters?: readonly Counter[];
}

/**
 * Reads Redis for one request, in one round trip. It never throws: without a usable reply there are
 * no entries, so that no token passes. With an `earlier` state of the same request no counter is
 * incremented twice.
 */
export type ReadEdgeState = (need: EdgeNeed, earlier?: EdgeState) => Promise<EdgeState>;

/**
 * Increments the counters of a request that its round trip did not, because a newer version of the
 * configuration added them: this counts for later requests only, and the request does not wait.
 */
export type IncrementDeferred = (edgeState: EdgeState, counters: readonly Counter[]) => EdgeState;

export interface EdgeStateOptions {
  /** A client with its time budget built in. */
  readonly redis: Redis;
  readonly list: RevocationList;
  /** Whether there is a central configuration whose version is read. */
  readonly readsVersion: boolean;
}

const noKeys: ReadonlySet<string> = new Set();
const noCounts: ReadonlyMap<string, Counted> = new Map();

/** Makes the only reader of revocations, counters and version. */
export function createEdgeStateReader(
  { redis, list, readsVersion }: EdgeStateOptions,
  { now, log }: { readonly now: () => number; readonly log: Logger },
): { readonly readEdgeState: ReadEdgeState; readonly incrementDeferred: IncrementDeferred } {
  return {
    async readEdgeState({ token, counters = [] }, earlier) {
      const keys = token ? entryKeysOf(token) : [];
      const requested = [revocationKeys.ready, ...keys];
      if (readsVersion) requested.push(configurationKeys.version);
      const added = earlier ? notIncremented(earlier, counters) : counters;
      const state = {
        readAt: now(),
        isReadable: false,
        entries: undefined,
        counts: earlier?.counts ?? noCounts,
        incremented: withKeys(earlier?.incremented ?? noKeys, added),
        version: undefined,
      };
      const since = list.seen();
      let replies: readonly unknown[];
      try {
        replies = await redis.pipeline((pipeline) => {
          pipeline.mget(...requested);
          if (added.length > 0) addCounters(pipeline, added);
        });
      } catch (cause) {
        return Object.freeze({ ...state, cause });
      }
      const [values, counted] = replies;
      const counts = withCounts(state.counts, added, counted);
      if (!isReply(values, requested.length)) return Object.freeze({ ...state, counts });
      return Object.freeze({
        ...state,
        counts,
        isReadable: true,
        entries: list.isComplete(values[0] ?? null, since) ? toEntries(keys, values) : undefined,
        version: readsVersion ? readConfigurationVersion(values.at(-1)) : undefined,
      });
    },
    incrementDeferred(edgeState, counters) {
      const deferred = notIncremented(edgeState, counters);
      if (deferred.length === 0) return edgeState;
      const work = redis.pipeline((pipeline) => addCounters(pipeline, deferred));
      background(work, (cause) => log.debug("Requests are counted locally only", { cause }));
      return Object.freeze({
        ...edgeState,
        incremented: withKeys(edgeState.incremented, deferred),
      });
    },
  };
}

/**
 * The same reader, which also loads the configuration whose version it reads, before it returns: a
 * change is in force for the request that observes it.
 */
export function followVersion<Values>(
  readEdgeState: ReadEdgeState,
  { observeVersion }: Pick<LiveConfiguration<Values>, "observeVersion">,
): ReadEdgeState {
  return async function readAndFollow(need, earlier) {
    const edgeState = await readEdgeState(need, earlier);
    if (edgeState.isReadable) await observeVersion(edgeState.version);
    return edgeState;
  };
}

/** Redis as one request sees it: read at the first need, and the same in a second evaluation. */
export interface RequestEdge {
  read(need: EdgeNeed): Promise<EdgeState>;
  /** What was read, undefined before the first need. */
  state(): EdgeState | undefined;
}

/** Makes the opener of it; `incrementDeferred` adds what a second evaluation counts. */
export function createOpenEdge(
  readEdgeState: ReadEdgeState,
  incrementDeferred: IncrementDeferred,
): () => RequestEdge {
  return function openEdge() {
    let edgeState: EdgeState | undefined;
    return {
      state: () => edgeState,
      async read(need) {
        edgeState = edgeState && hasEntriesOf(edgeState, need)
          ? incrementDeferred(edgeState, need.counters ?? [])
          : await readEdgeState(need, edgeState);
        return edgeState;
      },
    };
  };
}

/** Whether a state has what a need asks for, apart from counters. */
function hasEntriesOf({ entries }: EdgeState, { token }: EdgeNeed): boolean {
  return !token || !entries || entryKeysOf(token).every((key) => entries.has(key));
}

function notIncremented(
  { incremented }: EdgeState,
  counters: readonly Counter[],
): readonly Counter[] {
  return counters.filter(({ key }) => !incremented.has(key));
}

function withKeys(keys: ReadonlySet<string>, added: readonly Counter[]): ReadonlySet<string> {
  return added.length === 0 ? keys : new Set([...keys, ...added.map(({ key }) => key)]);
}

/** Without new counts for an unreadable reply: the instance then counts locally. */
function withCounts(
  earlier: ReadonlyMap<string, Counted>,
  added: readonly Counter[],
  reply: unknown,
): ReadonlyMap<string, Counted> {
  const counts = added.length === 0 ? undefined : readCounts(reply, added.length);
  if (!counts) return earlier;
  return new Map([...earlier, ...counts.map((one, at) => [added[at]?.key ?? "", one] as const)]);
}

function toEntries(keys: readonly string[], [, ...values]: readonly (string | null)[]): Entries {
  return new Map(keys.map((key, at) => [key, values[at] ?? null]));
}

function isReply(value: unknown, length: number): value is (string | null)[] {
  return Array.isArray(value) && value.length === length &&
    value.every((item) => item === null || typeof item === "string");
}
