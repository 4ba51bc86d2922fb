import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import type { AccessToken } from "@edgepass/shared/tokens";
import { type Authenticate, describeVerified } from "./authenticate.ts";
import type { Credentials } from "./credentials.ts";
import type { Counter } from "./rate_limits.ts";
import { describeRevocation, type EdgeState, type Revocation } from "./revocation.ts";
import type { AccessRule, RevocationMode } from "./routes.ts";
import type { Steps } from "./steps.ts";

/** The verified token of a request, or an anonymous caller. */
export type Caller = AccessToken | "anonymous";

/**
 * Identifies the caller as far as the route's access rule requires.
 *
 * A public route reads no credential; on an optional route an unusable credential means anonymous.
 *
 * @throws {Problem} what `Authenticate` and `Revocation` throw
 */
export type Identify = (
  credentials: Credentials,
  options: {
    readonly rule: AccessRule;
    readonly revocation: RevocationMode;
    readonly steps: Steps;
    /** What Redis returned for this request, so that a second evaluation does not read it again. */
    readonly edgeState?: EdgeState;
    /** The counters to increment in the same round trip; none by default. */
    readonly countersOf?: (caller: Caller) => readonly Counter[];
  },
) => Promise<Caller>;

/** Makes the step that verifies a token and checks its revocation. */
export function createIdentify(
  { authenticate, revocation, log }: {
    readonly authenticate: Authenticate;
    readonly revocation: Revocation;
    readonly log: Logger;
  },
): Identify {
  return async function identify({ access }, options) {
    const { rule, revocation: mode, steps, edgeState = {}, countersOf = () => [] } = options;
    if (rule === "public") {
      await revocation.count(edgeState, countersOf("anonymous"));
      return "anonymous";
    }
    try {
      const token = await steps.run("verify", () => authenticate(access), describeVerified);
      const check = () => revocation.check(token, mode, edgeState, countersOf(token));
      await steps.run("revocation", check, describeRevocation(mode));
      return token;
    } catch (error) {
      if (rule !== "optional" || !(error instanceof Problem)) throw error;
      if (error.status >= 500) log.warn("Caller is treated as anonymous", { code: error.code });
      else await revocation.count(edgeState, countersOf("anonymous"));
      return "anonymous";
    }
  };
}
