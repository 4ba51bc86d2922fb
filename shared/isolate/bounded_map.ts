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
export interface BoundedMapOptions {
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
  { refresh = false, evictOnReplace = false }: BoundedMapOptions = {},
): BoundedMap<Key, Value> {
  const map = new Map<Key, Value>();

  function evictOldest(): void {
    const { value: oldest, done } = map.keys().next();
    if (!done) map.delete(oldest);
  }

  return {
    get size() {
      return map.size;
    },
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    set(key, value) {
      if (map.size >= max && (evictOnReplace || !map.has(key))) evictOldest();
      if (refresh) map.delete(key);
      map.set(key, value);
    },
    delete: (key) => map.delete(key),
    clear: () => map.clear(),
  };
}
