import type { GatewayValues, LiveConfiguration } from "@edgepass/shared/configuration";
import { Problem } from "@edgepass/shared/problem";
import type { EdgeState } from "./revocation.ts";
import type { PolicySnapshot } from "./policy_snapshot.ts";

/**
 * Evaluates one request against the current policy snapshot. If a newer version becomes current
 * meanwhile, through this request or another one, the request is evaluated once more against it.
 *
 * `edgeState` is what Redis returned for this request: it is read once, whatever version it
 * reports. A request for an unknown route reads nothing from Redis, so the version is fetched then,
 * within a rate limit. A request that needs nothing from Redis makes the instance load the
 * configuration once, if it has not done so yet.
 */
export type EvaluatePolicy = <Decision>(
  edgeState: EdgeState,
  evaluate: (policy: PolicySnapshot) => Promise<Decision>,
) => Promise<Decision>;

/**
 * Anonymous clients can request unknown routes, and each Redis command is billed: a burst, then
 * slowly.
 */
const polling = { burst: 20, everyMs: 250 } as const;

/** Makes the only reader of policy snapshots for requests. */
export function createEvaluatePolicy(
  currentPolicy: () => PolicySnapshot,
  configuration: Pick<LiveConfiguration<GatewayValues>, "ensureLoaded" | "refresh">,
  { now }: { readonly now: () => number },
): EvaluatePolicy {
  const mayFetch = createAllowance(polling, now);
  return async function evaluatePolicy(edgeState, evaluate) {
    const first = currentPolicy();
    let refusal: unknown;
    try {
      const decision = await evaluate(first);
      if (!edgeState.entries) await configuration.ensureLoaded();
      if (currentPolicy() === first) return decision;
    } catch (error) {
      refusal = error;
      if (isOfNoRoute(error)) await configuration.refresh({ mayAsk: mayFetch });
      else if (!edgeState.entries && !isFault(error)) await configuration.ensureLoaded();
    }
    const newest = currentPolicy();
    if (newest === first) throw refusal;
    return await evaluate(newest);
  };
}

function isOfNoRoute(error: unknown): boolean {
  return error instanceof Problem &&
    (error.code === "not_found" || error.code === "method_not_allowed");
}

/** A request that already failed by a fault must not wait for a second one. */
function isFault(error: unknown): boolean {
  return !(error instanceof Problem) || error.status >= 500;
}

/** A token bucket: `burst` calls at once, then one more for each `everyMs` that passes. */
function createAllowance(
  { burst, everyMs }: { readonly burst: number; readonly everyMs: number },
  now: () => number,
): () => boolean {
  let left: number = burst;
  let countedAt = now();
  return function isAllowed() {
    const passed = Math.abs(now() - countedAt) / everyMs;
    left = Math.min(burst, left + passed);
    countedAt = now();
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
