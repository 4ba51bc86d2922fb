import { AsyncLocalStorage } from "node:async_hooks";

/**
 * The storage of this name in this isolate, shared by all copies of this module.
 *
 * A bundler or a registry may load this package twice. With a storage for each copy the middleware
 * of one would open a request's context and the client of the other would find none. Raise the
 * number when a stored shape changes, so that two versions do not read each other's values.
 */
export function isolateStorage<Value>(name: string): AsyncLocalStorage<Value> {
  const key = Symbol.for(`edgepass.${name}.1`);
  const found: AsyncLocalStorage<Value> | undefined = Reflect.get(globalThis, key);
  if (found) return found;
  const storage = new AsyncLocalStorage<Value>();
  Reflect.set(globalThis, key, storage);
  return storage;
}

/** The runtime's services during one request from outside. */
export interface Invocation {
  /** Keeps the isolate alive for work that continues after the response. */
  waitUntil(work: Promise<unknown>): void;
  /** The peer's address of the connection, where the runtime provides it. */
  readonly peerAddress?: string;
}

const storage = isolateStorage<Invocation>("invocation");

/** Serves a request with its runtime's services; every service in this isolate can read them. */
export function runInvocation<Result>(invocation: Invocation, serve: () => Result): Result {
  return storage.run(invocation, serve);
}

/** The runtime's services for the current request. */
export function currentInvocation(): Invocation | undefined {
  return storage.getStore();
}

/**
 * Lets work continue after the response; its failure goes to `onError` only.
 *
 * Nothing mandatory may depend on it: an isolate can be evicted at any time.
 */
export function background(work: Promise<unknown>, onError: (error: unknown) => void): void {
  const settled = work.catch(onError);
  storage.getStore()?.waitUntil(settled);
}

/**
 * Loads a value with its first use, and keeps it; a failed load is tried again.
 *
 * The value is kept and never its promise: on workerd a request that waits for another request's
 * promise hangs when that one is cancelled. Parallel first uses load it once each.
 */
export function loadOnce<Value extends object>(load: () => Promise<Value>): () => Promise<Value> {
  let loaded: Value | undefined;
  return async () => loaded ??= await load();
}

/** A middleware, of any copy of Hono. */
export type Middleware<Context extends object, Result> = (
  c: Context,
  next: () => Promise<void>,
) => Promise<Result>;

/**
 * The same middleware, run once for each request however often the router lists it.
 *
 * Hono's TrieRouter lists wildcard middleware twice for the literal path `/*`: the second run would
 * open a second trace, so that header, body and log disagree, and claim an idempotency key again.
 */
export function oncePerRequest<Context extends object, Result>(
  middleware: Middleware<Context, Result | void>,
): Middleware<Context, Result | void> {
  const begun = new WeakSet<Context>();
  return async function oncePerRequest(c, next) {
    if (begun.has(c)) return await next();
    begun.add(c);
    return await middleware(c, next);
  };
}

/** A map with a maximum number of entries, in insertion order. */
export interface BoundedMap<Key, Value> {
  /** The number of entries. */
  readonly size: number;
  /** The entry of a key, which keeps its age. */
  get(key: Key): Value | undefined;
  /** Whether a key has an entry. */
  has(key: Key): boolean;
  /** Stores an entry; when the map is full, the oldest entry is evicted first. */
  set(key: Key, value: Value): void;
  /** Deletes an entry; returns whether there was one. */
  delete(key: Key): boolean;
  /** Deletes all entries. */
  clear(): void;
}

/** What `set` does with a key that is present; by default the entry keeps its age. */
export interface BoundedMapOptions<Key = unknown> {
  /** All entries together weigh this much at most; an entry that alone weighs more is not stored. */
  readonly weight?: { readonly max: number; readonly of: (key: Key) => number };
  /** The entry becomes the newest, so what is written often is evicted last. */
  readonly refresh?: boolean;
  /** A full map evicts its oldest entry then, too; by default only a new key needs room. */
  readonly evictOnReplace?: boolean;
}

/**
 * Makes a map that evicts its oldest entry when it is full.
 *
 * Clients choose the keys of most caches (tokens, header names, addresses): without a maximum they
 * could fill the memory, and a cache that takes nothing new when it is full would serve the entries
 * of a flood until the instance restarts. Reading does not refresh an entry: the order is that of
 * writes, and a read costs one lookup.
 */
export function createBoundedMap<Key, Value>(
  max: number,
  { refresh = false, evictOnReplace = false, weight }: BoundedMapOptions<Key> = {},
): BoundedMap<Key, Value> {
  const map = new Map<Key, Value>();
  let weighed = 0;

  function remove(key: Key): boolean {
    const isRemoved = map.delete(key);
    if (isRemoved && weight) weighed -= weight.of(key);
    return isRemoved;
  }

  function evictOldest(): void {
    const { value: oldest, done } = map.keys().next();
    if (!done) remove(oldest);
  }

  /** Whether an entry has room now, after the oldest ones made it. */
  function makeWeightRoom(key: Key): boolean {
    if (!weight || map.has(key)) return true;
    const own = weight.of(key);
    if (own > weight.max) return false;
    while (weighed + own > weight.max) evictOldest();
    weighed += own;
    return true;
  }

  return {
    get size() {
      return map.size;
    },
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    set(key, value) {
      if (map.size >= max && (evictOnReplace || !map.has(key))) evictOldest();
      if (refresh) remove(key);
      if (makeWeightRoom(key)) map.set(key, value);
    },
    delete: remove,
    clear() {
      map.clear();
      weighed = 0;
    },
  };
}
