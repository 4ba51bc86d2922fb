import type { Logger } from "@edgepass/shared/log";
import { Problem } from "@edgepass/shared/problem";
import type { AccessToken } from "@edgepass/shared/tokens";
import { type Authenticate, describeVerified } from "./authenticate.ts";
import type { Credentials } from "./credentials.ts";
import type { Counter } from "./rate_limits.ts";
import { describeRevocation, type EdgeState, type Revocation } from "./revocation.ts";
import type { AccessRule, RevocationMode } from "./routes.ts";
import type { Steps } from "./steps.ts";

/** Whose token came with a request: that of a verified one, or nobody's. */
export type Caller = AccessToken | "anonymous";

/**
 * Who asks, as far as the route wants to know.
 *
 * A public route reads no credential; on an optional one an unusable credential is none.
 *
 * @throws {Problem} as `Authenticate` and `Revocation` say
 */
export type Identify = (
  credentials: Credentials,
  asked: {
    readonly rule: AccessRule;
    readonly revocation: RevocationMode;
    readonly steps: Steps;
    /** What Redis said to this request, where it may be asked for it again. */
    readonly edgeState?: EdgeState;
    /** What is to be counted in the same round trip; nothing by default. */
    readonly countersOf?: (caller: Caller) => readonly Counter[];
  },
) => Promise<Caller>;

/** Makes what verifies a token and asks whether it is revoked. */
export function createIdentify(
  { authenticate, revocation, log }: {
    readonly authenticate: Authenticate;
    readonly revocation: Revocation;
    readonly log: Logger;
  },
): Identify {
  return async function identify({ access }, asked) {
    const { rule, revocation: mode, steps, edgeState = {}, countersOf = () => [] } = asked;
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
      if (error.status >= 500) log.warn("Caller is taken for anonymous", { code: error.code });
      else await revocation.count(edgeState, countersOf("anonymous"));
      return "anonymous";
    }
  };
}
