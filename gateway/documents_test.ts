import { Hono } from "hono";
import assert from "node:assert/strict";
import type { IssuerState } from "./issuer_keys.ts";
import type { GatewayEnv } from "./observe.ts";
import { type ReadinessOfIssuer, serveReadiness } from "./documents.ts";

const issuer = (alias: string | undefined, state: IssuerState, required = false) => ({
  ...(alias === undefined ? {} : { alias }),
  required,
  readState: () => Promise.resolve(state),
});

async function ask(
  issuers: readonly ReadinessOfIssuer[],
  entries: Map<string, string> | undefined,
) {
  const app = new Hono<GatewayEnv>();
  serveReadiness(app, { issuers, readEdgeState: () => Promise.resolve({ entries }) });
  const response = await app.request("/readyz");
  const { status, degraded, checks } = await response.json();
  assert.equal(response.headers.get("cache-control"), "no-store");
  return { status: response.status, says: status, degraded, checks };
}

/** Issuers, and whether a gateway with a complete revocation list is ready; who is degraded. */
const rows: Readonly<
  Record<string, readonly [issuers: ReadinessOfIssuer[], isReady: boolean, degraded?: string[]]>
> = {
  "without issuers": [[], true],
  "with every issuer": [[issuer(undefined, "ready", true), issuer("corp", "ready")], true],
  "with one issuer away": [[issuer("a", "ready"), issuer("b", "away")], true, ["b"]],
  "with an issuer's last set": [[issuer("a", "stale", true)], true, ["a"]],
  "with every issuer away": [[issuer("a", "away"), issuer("b", "away")], false, ["a", "b"]],
  "with a required issuer away": [[issuer("a", "ready"), issuer("b", "away", true)], false, ["b"]],
  "with our own issuer away": [[issuer(undefined, "away", true), issuer("a", "ready")], false, [
    "user",
  ]],
};

for (const [what, [issuers, isReady, degraded]] of Object.entries(rows)) {
  Deno.test(`[D03] a gateway ${what} is ${isReady ? "ready" : "not ready"}`, async () => {
    const found = await ask(issuers, new Map());
    assert.deepEqual([found.status, found.says], isReady ? [200, "ready"] : [503, "not ready"]);
    assert.deepEqual(found.degraded, degraded);
    assert.equal(found.checks.revocation, "ready");
    const without = await ask(issuers, undefined);
    assert.deepEqual([without.status, without.says], [503, "not ready"]);
  });
}
