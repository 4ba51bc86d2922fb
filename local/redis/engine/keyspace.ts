import type { Bytes } from "../protocol.ts";
import { refusal } from "./arguments.ts";
import { createSortedSet, type SortedSet } from "./sorted_set.ts";

/** What a key can hold, by the name that TYPE returns. */
export interface Values {
  string: Bytes;
  hash: Map<Bytes, Bytes>;
  set: Set<Bytes>;
  zset: SortedSet;
  list: Bytes[];
}
export type ValueType = keyof Values;
type Collection = Exclude<ValueType, "string">;

/** One key: its value, when it expires (epoch milliseconds), and its creation number (for SCAN). */
export type Entry = {
  [T in ValueType]: { type: T; value: Values[T]; expiresAt: number | null; sequence: number };
}[ValueType];

export interface Keyspace {
  readonly size: number;
  entry(key: Bytes): Entry | undefined;
  /** @throws {CommandError} WRONGTYPE */
  read<T extends ValueType>(key: Bytes, type: T): Values[T] | undefined;
  /**
   * Reads a collection, created empty where the key is missing; `tidy` removes it if it stays so.
   */
  open<T extends Collection>(key: Bytes, type: T): Values[T];
  tidy(key: Bytes): void;
  put<T extends ValueType>(
    key: Bytes,
    type: T,
    value: Values[T],
    expiresAt?: number | null,
  ): void;
  remove(key: Bytes): boolean;
  expire(key: Bytes, at: number | null): void;
  clear(): void;
  /** Every live key in the order of creation. */
  entries(): Iterable<[Bytes, Entry]>;
  /** Removes expired keys among at most `limit` that have an expiry, going round them in turns. */
  expireSome(limit: number): void;
}

export interface KeyspaceDeps {
  /** Epoch milliseconds; must stand still during a command. */
  readonly now: () => number;
  /** Called for each key removed because it expired, before the command that found it goes on. */
  readonly onExpired: (key: Bytes) => void;
}

/** Creates an empty keyspace. */
export function createKeyspace({ now, onExpired }: KeyspaceDeps): Keyspace {
  const all = new Map<Bytes, Entry>();
  const expiring = new Set<Bytes>();
  let sequence = 0;
  let round = expiring.values();

  function remove(key: Bytes): boolean {
    expiring.delete(key);
    return all.delete(key);
  }
  function entry(key: Bytes): Entry | undefined {
    const found = all.get(key);
    if (found === undefined || found.expiresAt === null || found.expiresAt > now()) return found;
    remove(key);
    onExpired(key);
    return undefined;
  }
  function put<T extends ValueType>(key: Bytes, type: T, value: Values[T], at?: number | null) {
    const expiresAt = at ?? null;
    const made = all.get(key)?.sequence ?? ++sequence;
    all.set(key, toEntry(type, value, expiresAt, made));
    if (expiresAt === null) expiring.delete(key);
    else expiring.add(key);
  }
  function read<T extends ValueType>(key: Bytes, type: T): Values[T] | undefined {
    const found = entry(key);
    return found && valueOf(found, type);
  }
  return {
    get size() {
      return all.size;
    },
    entry,
    read,
    put,
    remove,
    open(key, type) {
      const found = read(key, type);
      if (found !== undefined) return found;
      const made = emptyValue(type);
      put(key, type, made);
      return made;
    },
    tidy(key) {
      const found = all.get(key);
      if (found && sizeOf(found) === 0) remove(key);
    },
    expire(key, at) {
      const found = all.get(key);
      if (!found) return;
      found.expiresAt = at;
      if (at === null) expiring.delete(key);
      else expiring.add(key);
    },
    clear() {
      all.clear();
      expiring.clear();
    },
    *entries() {
      for (const key of all.keys()) {
        const found = entry(key);
        if (found) yield [key, found];
      }
    },
    expireSome(limit) {
      for (let looked = 0; looked < limit; looked++) {
        const next = round.next();
        if (!next.done) {
          entry(next.value);
          continue;
        }
        round = expiring.values();
        if (looked > 0 || expiring.size === 0) return;
      }
    },
  };
}

/** Counts the elements of a collection, or the bytes of a string. */
export function sizeOf({ type, value }: Entry): number {
  return type === "string" || type === "list" ? value.length : value.size;
}

function emptyValue<T extends Collection>(type: T): Values[T] {
  const empty: { [C in Collection]: () => Values[C] } = {
    hash: () => new Map(),
    set: () => new Set(),
    zset: createSortedSet,
    list: () => [],
  };
  return empty[type]();
}

/** The cast holds because `put` ties the type parameter of `value` to `type`. */
function toEntry<T extends ValueType>(
  type: T,
  value: Values[T],
  expiresAt: number | null,
  sequence: number,
): Entry {
  return { type, value, expiresAt, sequence } as Entry;
}

/** The cast holds because an entry's value has the shape that its `type` names, and it was compared. */
function valueOf<T extends ValueType>(entry: Entry, type: T): Values[T] {
  if (entry.type !== type) throw refusal("wrongType");
  return entry.value as Values[T];
}
