import type { Hono } from "hono";
import { getOnly } from "./documents.ts";
import type { EdgeState } from "./edge_state.ts";
import type { IssuerState } from "./issuer_keys.ts";
import type { GatewayEnv } from "./observe.ts";

/** What readiness depends on at an issuer. */
export interface ReadinessOfIssuer {
  /** Absent for our own auth service. */
  readonly alias?: string;
  /** Whether the gateway must not serve without its keys. */
  readonly required?: boolean | undefined;
  readState(): Promise<IssuerState>;
}

const words: Readonly<Record<IssuerState, string>> = {
  ready: "ready",
  stale: "its key set cannot be read at present; the last one is used",
  away: "no key set could be read",
};

/**
 * Serves `/readyz`. An issuer that is away degrades itself alone: one of many identity providers
 * must not take the gateway away from the people of all others.
 */
export function serveReadiness(
  app: Hono<GatewayEnv>,
  { issuers, readEdgeState }: {
    readonly issuers: readonly ReadinessOfIssuer[];
    readonly readEdgeState: (need: Record<never, never>) => Promise<Pick<EdgeState, "entries">>;
  },
): void {
  getOnly(app, "/readyz", async function serveReadyz(c) {
    const [edge, found] = await Promise.all([
      readEdgeState({}),
      Promise.all(issuers.map(async ({ alias = "user", required = false, readState }) => {
        return { alias, required, state: await readState() };
      })),
    ]);
    const revocation = edge.entries ? "ready" : "Redis or the revocation list is not there";
    const degraded = found.filter(({ state }) => state !== "ready").map(({ alias }) => alias);
    const isReady = edge.entries !== undefined && canVerify(found);
    c.header("cache-control", "no-store");
    return c.json({
      status: isReady ? "ready" : "not ready",
      ...(degraded.length > 0 ? { degraded } : {}),
      checks: {
        revocation,
        ...Object.fromEntries(found.map(({ alias, state }) => [`issuer ${alias}`, words[state]])),
      },
    }, isReady ? 200 : 503);
  });
}

/** Some issuer's tokens can be verified, and those of each required one. */
function canVerify(found: readonly { required: boolean; state: IssuerState }[]): boolean {
  const isThere = ({ state }: { state: IssuerState }) => state !== "away";
  return (found.length === 0 || found.some(isThere)) &&
    found.every((issuer) => isThere(issuer) || !issuer.required);
}
