import { createBoundedMap } from "@edgepass/shared/context";

/** When identities were last checked, for routes that accept a check of bounded age. */
export interface FreshChecks {
  isFresh(identity: string, boundedMs: number): boolean;
  delete(identity: string): void;
  /** Stores a check; its age counts from when Redis was read, not from when the reply arrived. */
  store(identity: string, readAt: number): void;
}

/** Checks stored for bounded routes. */
const maxRemembered = 10_000;

/** Makes the store of checks; the oldest is evicted when there are too many. */
export function createFreshChecks(now: () => number): FreshChecks {
  const checkedAt = createBoundedMap<string, number>(maxRemembered, {
    refresh: true,
    evictOnReplace: true,
  });
  return {
    isFresh(identity, boundedMs) {
      const age = now() - (checkedAt.get(identity) ?? Number.NEGATIVE_INFINITY);
      return age >= 0 && age <= boundedMs;
    },
    delete: (identity) => void checkedAt.delete(identity),
    store: (identity, readAt) => checkedAt.set(identity, readAt),
  };
}
