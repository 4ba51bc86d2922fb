import type { GatewayValues, LiveConfiguration } from "@edgepass/shared/configuration";
import { Problem } from "@edgepass/shared/problem";
import type { EdgeState } from "./revocation.ts";
import type { PolicySnapshot } from "./policy_snapshot.ts";

/**
 * Decides about one request by the rules in force; and once more, by the newest, where newer ones
 * got in force meanwhile, because this very request or another one learned of them.
 *
 * `edgeState` is what Redis said to this request: it is asked once, whatever it says of the version. Who
 * is told that there is no such route was not asked about, so Redis is asked then, as long as nobody
 * makes a flood of it; a request that asks nobody has this instance ask once, should it be its first.
 */
export type EvaluatePolicy = <Decision>(
  edgeState: EdgeState,
  by: (rules: PolicySnapshot) => Promise<Decision>,
) => Promise<Decision>;

/** Anybody may ask for what is not there, and each question is billed: so many at once, then slowly. */
const polling = { burst: 20, everyMs: 250 } as const;

/** Makes the one place where rules are taken from. */
export function createEvaluatePolicy(
  rules: () => PolicySnapshot,
  configuration: Pick<LiveConfiguration<GatewayValues>, "ensureLoaded" | "refresh">,
  { now }: { readonly now: () => number },
): EvaluatePolicy {
  const mayAsk = createAllowance(polling, now);
  return async function evaluatePolicy(edgeState, by) {
    const first = rules();
    let refusal: unknown;
    try {
      const decision = await by(first);
      if (!edgeState.entries) await configuration.ensureLoaded();
      if (rules() === first) return decision;
    } catch (error) {
      refusal = error;
      if (isOfNoRoute(error)) await configuration.refresh({ mayAsk });
      else if (!edgeState.entries && !isFault(error)) await configuration.ensureLoaded();
    }
    const newest = rules();
    if (newest === first) throw refusal;
    return await by(newest);
  };
}

function isOfNoRoute(error: unknown): boolean {
  return error instanceof Problem &&
    (error.code === "not_found" || error.code === "method_not_allowed");
}

/** Whoever cannot be served for a fault must not wait for another one. */
function isFault(error: unknown): boolean {
  return !(error instanceof Problem) || error.status >= 500;
}

/** Says yes `burst` times at once, and as often again as `everyMs` pass. */
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
