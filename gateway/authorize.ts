import { Problem } from "@edgepass/shared/problem";
import type { AccessToken } from "@edgepass/shared/tokens";
import type { AccessRule } from "./routes.ts";

/**
 * Applies a route's access rule to the caller; the roles are the token's, and one role of the rule
 * is enough.
 *
 * @throws {Problem} `authentication_required`, `forbidden`
 */
export function authorize(rule: AccessRule, bearer: AccessToken | "anonymous"): void {
  if (rule === "public" || rule === "optional") return;
  if (bearer === "anonymous") throw new Problem("authentication_required");
  if (rule === "authenticated") return;
  if (!rule.roles.some((role) => bearer.roles.includes(role))) throw new Problem("forbidden");
}
