import type { GatewayValues, LiveConfiguration } from "@edgepass/shared/configuration";
import { Problem } from "@edgepass/shared/problem";
import type { Heard } from "./revocation.ts";
import type { Rules } from "./rules.ts";

/**
 * Decides about one request by the rules in force; and once more, by the newest, where newer ones
 * got in force meanwhile, because this very request or another one learned of them.
 *
 * `heard` is what Redis said to this request: it is asked once, whatever it says of the version. Who
 * is told that there is no such route was not asked about, so Redis is asked then; a request that
 * asks nobody has this instance ask once, should it be its first.
 */
export type Decide = <Decision>(
  heard: Heard,
  by: (rules: Rules) => Promise<Decision>,
) => Promise<Decision>;

/** Makes the one place where rules are taken from. */
export function createDecide(
  rules: () => Rules,
  configuration: Pick<LiveConfiguration<GatewayValues>, "begin" | "refresh">,
): Decide {
  return async function decide(heard, by) {
    const first = rules();
    let refusal: unknown;
    try {
      const decision = await by(first);
      if (!heard.marks) await configuration.begin();
      if (rules() === first) return decision;
    } catch (error) {
      refusal = error;
      if (isOfNoRoute(error)) await configuration.refresh();
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
