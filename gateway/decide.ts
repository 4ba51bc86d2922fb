import type { GatewayValues, LiveConfiguration } from "@edgepass/shared/configuration";
import { Problem } from "@edgepass/shared/problem";
import type { Heard } from "./revocation.ts";
import type { Rules } from "./rules.ts";

/**
 * Decides about one request by the rules in force; and once more, by the newest, where newer ones
 * got in force meanwhile, because this very request or another one learned of them.
 *
 * `heard` is what Redis said to this request: it is asked once, whatever it says of the version. Who
 * is told that there is no such route was not asked about, so Redis is asked then, as long as nobody
 * makes a flood of it; a request that asks nobody has this instance ask once, should it be its first.
 */
export type Decide = <Decision>(
  heard: Heard,
  by: (rules: Rules) => Promise<Decision>,
) => Promise<Decision>;

/** Anybody may ask for what is not there, and each question is billed: so many at once, then slowly. */
const looks = { burst: 20, everyMs: 250 } as const;

/** Makes the one place where rules are taken from. */
export function createDecide(
  rules: () => Rules,
  configuration: Pick<LiveConfiguration<GatewayValues>, "begin" | "refresh">,
  { now }: { readonly now: () => number },
): Decide {
  const mayAsk = createAllowance(looks, now);
  return async function decide(heard, by) {
    const first = rules();
    let refusal: unknown;
    try {
      const decision = await by(first);
      if (!heard.marks) await configuration.begin();
      if (rules() === first) return decision;
    } catch (error) {
      refusal = error;
      if (isOfNoRoute(error)) await configuration.refresh({ mayAsk });
      else if (!heard.marks && !isFault(error)) await configuration.begin();
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
