import { background, currentContext, internalHeaders } from "@edgepass/shared/context";
import { childSpan, type Logger, newTrace, toTraceparent } from "@edgepass/shared/telemetry";
import {
  reachesPosition,
  readRevocationPosition,
  type RevocationPosition,
  revocationPositionHeader,
} from "@edgepass/shared/redis";
import type { Upstream } from "@edgepass/shared/configuration";
import { passportHeaders, type SignPassport } from "./passport.ts";

/**
 * The furthest position of the revocation list that an instance has seen; `unknown` after a rebuild
 * by an authority that reports none, such as auth of version 0.1.0.
 */
export type SeenPosition = RevocationPosition | "unknown" | undefined;

/** The revocation list in Redis, as one instance knows it. */
export interface RevocationList {
  /** The furthest position seen; take it before the request to Redis. */
  seen(): SeenPosition;
  /**
   * Whether a reply with this `ready` entry is of a complete list; `since` is the position before its
   * request. An incomplete list is reported, and its rebuild is requested.
   */
  isComplete(ready: string | null, since: SeenPosition): boolean;
}

/**
 * Requests a rebuild from the revocation authority; the promise is for the list's new position,
 * undefined where the authority reports none.
 */
export type Rebuild = () => Promise<RevocationPosition | undefined>;

/** A rebuild is requested once in this time, in milliseconds. */
const rebuildEveryMs = 1_000;
/**
 * A rebuild that takes longer is given up, in milliseconds: on Workers one that was cut off with its
 * request never ends, and this instance would refuse every token for the rest of its life.
 */
const rebuildLimitMs = 20_000;

/** Makes the list of one instance; without `rebuild` it is not checked for gaps. */
export function createRevocationList(
  rebuild: Rebuild | undefined,
  { now, log }: { readonly now: () => number; readonly log: Logger },
): RevocationList {
  const list = createListPosition();
  let rebuiltAt = Number.NEGATIVE_INFINITY;
  let current: object | undefined;

  function requestRebuild(rebuild: Rebuild, gap: ListGap): void {
    // Rebuilds of a long list that overlap slow each other down until none ends within its limit.
    // A clock that was set back must not stop rebuilds until it catches up.
    const waitMs = current ? rebuildLimitMs : rebuildEveryMs;
    if (Math.abs(now() - rebuiltAt) < waitMs) return;
    rebuiltAt = now();
    const run = current = {};
    const seen = list.seen();
    log.warn("Revocation list is not complete: requesting a rebuild", { gap });
    const rebuilt = rebuild().then((reached) => list.rebuilt(reached, seen))
      .finally(() => current = current === run ? undefined : current);
    background(rebuilt, (cause) => log.error("Revocation list was not rebuilt", { cause }));
  }

  return {
    seen: list.seen,
    isComplete(ready, since) {
      const gap = rebuild && list.findGap(ready, since);
      if (!gap) return true;
      requestRebuild(rebuild, gap);
      return false;
    },
  };
}

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

/** Makes the request for a rebuild, which the gateway sends as `svc:gateway`. */
export function createRebuild(
  target: { readonly upstream: Upstream; readonly path: string },
  signPassport: SignPassport,
): Rebuild {
  return async function rebuild() {
    const trace = currentContext()?.trace ?? newTrace();
    const passport = await signPassport("gateway", trace.traceId);
    const response = await target.upstream.fetch(target.path, {
      method: "POST",
      signal: AbortSignal.timeout(10_000),
      headers: [
        ...passportHeaders(passport),
        [internalHeaders.traceparent, toTraceparent(childSpan(trace))],
      ],
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`Rebuild failed with status ${response.status}`);
    return readRevocationPosition(response.headers.get(revocationPositionHeader));
  };
}
