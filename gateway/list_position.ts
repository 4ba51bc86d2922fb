import {
  reachesPosition,
  readRevocationPosition,
  type RevocationPosition,
} from "@edgepass/shared/redis";

/**
 * The furthest position of the revocation list that an instance has seen; `unknown` after a rebuild
 * by an auth service that reports none, such as version 0.1.0.
 */
export type SeenPosition = RevocationPosition | "unknown" | undefined;

/** Why a list cannot be complete. */
export type ListGap = "emptied" | "position_unknown" | "another_log" | "went_back";

/** The one position that an instance stores of the list. */
export interface ListPosition {
  /** The current position; read it before the request to Redis. */
  seen(): SeenPosition;
  /**
   * Why the list is incomplete, if it is: compared with `since`, the position before the request.
   */
  findGap(ready: string | null, since: SeenPosition): ListGap | undefined;
  /** Records a rebuild that was requested when the position was `since`. */
  rebuilt(reached: RevocationPosition | undefined, since: SeenPosition): void;
}

/**
 * Detects a Redis that went back to an older state, by a restored snapshot, a truncated file or a
 * failover: without this check, tokens revoked since that state would be valid again.
 *
 * Replies of one connection may overtake those of another. A reply older than the newest position
 * is no gap as long as it has everything that was seen before its request.
 */
export function createListPosition(): ListPosition {
  let seen: SeenPosition;
  return {
    seen: () => seen,
    findGap(ready, since) {
      if (ready === null) return "emptied";
      const reported = readRevocationPosition(ready);
      if (reaches(reported, seen)) {
        if (reported && !(isPosition(seen) && seen.position === reported.position)) seen = reported;
        return undefined;
      }
      if (reaches(reported, since)) return undefined;
      if (!reported) return "position_unknown";
      return isPosition(seen) && seen.identity === reported.identity ? "went_back" : "another_log";
    },
    rebuilt(reached, since) {
      // Another reply may have reported a further position of the same list meanwhile.
      if (seen !== since && reached && isPosition(seen) && reachesPosition(seen, reached)) return;
      seen = reached ?? "unknown";
    },
  };
}

function reaches(reported: RevocationPosition | undefined, seen: SeenPosition): boolean {
  if (!reported) return seen === "unknown";
  return !isPosition(seen) || reachesPosition(reported, seen);
}

function isPosition(seen: SeenPosition): seen is RevocationPosition {
  return typeof seen === "object";
}
