import { currentContext, internalHeaders } from "@edgepass/shared/context";
import {
  readRevocationPosition,
  type RevocationPosition,
  revocationPositionHeader,
} from "@edgepass/shared/redis";
import { childSpan, newTrace, toTraceparent } from "@edgepass/shared/telemetry";
import type { Upstream } from "@edgepass/shared/configuration";
import { passportHeaders, type SignPassport } from "./passport.ts";

/**
 * Requests a rebuild of the revocation list in Redis from the revocation authority, as
 * `svc:gateway`. The promise is for the list's new position, undefined where the authority reports
 * none.
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
    if (!response.ok) throw new Error(`Rebuild failed with status ${response.status}`);
    return readRevocationPosition(response.headers.get(revocationPositionHeader));
  };
}
