import {
  reachesPosition,
  readRevocationPosition,
  type RevocationPosition,
} from "@edgepass/shared/redis";

/**
 * The furthest position of the revocation list that an instance has seen; `unknown` after a rebuild
 * by somebody who names none, such as auth of version 0.1.0.
 */
export type SeenPosition = RevocationPosition | "unknown" | undefined;

/** Why a list cannot be complete. */
export type ListGap = "emptied" | "position_unknown" | "another_log" | "went_back";

/** What an instance remembers of the list; one value, whatever comes. */
export interface ListPosition {
  /** What is known now; to be taken before Redis is asked. */
  seen(): SeenPosition;
  /** Why the list lacks something, where it does: judged by what was known when it was asked. */
  findGap(ready: string | null, since: SeenPosition): ListGap | undefined;
  /** The list was rebuilt, for an instance that knew `since` when it asked for that. */
  rebuilt(reached: RevocationPosition | undefined, since: SeenPosition): void;
}

/**
 * Makes the memory by which a Redis that was put back to an older state, by a restored snapshot, a
 * torn file or a failover, is told from a complete one: else what was revoked since would count again.
 *
 * Replies of one connection may overtake those of another. One that is older than the newest known is
 * no gap as long as it has all that was known when it was asked for.
 */
export function createListPosition(): ListPosition {
  let seen: SeenPosition;
  return {
    seen: () => seen,
    findGap(ready, since) {
      if (ready === null) return "emptied";
      const told = readRevocationPosition(ready);
      if (reaches(told, seen)) {
        if (told && !(isPosition(seen) && seen.position === told.position)) seen = told;
        return undefined;
      }
      if (reaches(told, since)) return undefined;
      if (!told) return "position_unknown";
      return isPosition(seen) && seen.identity === told.identity ? "went_back" : "another_log";
    },
    rebuilt(reached, since) {
      // Another reply may have told of a further position of that very list meanwhile.
      if (seen !== since && reached && isPosition(seen) && reachesPosition(seen, reached)) return;
      seen = reached ?? "unknown";
    },
  };
}

function reaches(told: RevocationPosition | undefined, seen: SeenPosition): boolean {
  if (!told) return seen === "unknown";
  return !isPosition(seen) || reachesPosition(told, seen);
}

function isPosition(seen: SeenPosition): seen is RevocationPosition {
  return typeof seen === "object";
}
