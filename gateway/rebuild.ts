import { currentContext } from "@edgepass/shared/context";
import { internalHeaders } from "@edgepass/shared/internal-headers";
import {
  readRevocationPosition,
  type RevocationPosition,
  revocationPositionHeader,
} from "@edgepass/shared/redis";
import { childSpan, newTrace, toTraceparent } from "@edgepass/shared/trace-context";
import type { Upstream } from "@edgepass/shared/upstream";
import { passportHeaders, type SignPassport } from "./passport.ts";

/**
 * Asks the keeper of the durable revocation log to fill Redis again, in the gateway's own name; the
 * promise is for the position that Redis has then, undefined where the keeper names none.
 */
export function createRebuild(
  target: { readonly upstream: Upstream; readonly path: string } | undefined,
  signPassport: SignPassport,
): (() => Promise<RevocationPosition | undefined>) | undefined {
  if (!target) return undefined;
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
    if (!response.ok) throw new Error(`Refill was answered with status ${response.status}`);
    return readRevocationPosition(response.headers.get(revocationPositionHeader));
  };
}
