import type { GatewayValues, LiveConfiguration } from "@edgepass/shared/configuration";
import { currentContext } from "@edgepass/shared/context";
import { prometheusMediaType, type Telemetry } from "@edgepass/shared/telemetry";
import type { CookieNames } from "@edgepass/shared/tokens";
import type { Context, Hono } from "hono";
import { authorize, type Identify } from "./authenticate.ts";
import { readCredentials } from "./credentials.ts";
import { getOnly } from "./get_only.ts";
import type { ReadEdgeState } from "./edge_state.ts";
import { reportKeys } from "./key_report.ts";
import type { PassportSigningKeys } from "./signing_keys.ts";
import type { GatewayEnv } from "./observe.ts";
import type { AccessRule } from "./routes.ts";

export interface AdministrationOptions {
  readonly cookieNames: CookieNames;
  readonly identify: Identify;
  readonly readEdgeState: ReadEdgeState;
  readonly keys: PassportSigningKeys;
  readonly configuration: LiveConfiguration<GatewayValues>;
  readonly telemetry: Pick<Telemetry, "prometheus">;
}

/** Keys and metrics show who uses the gateway and how: administrators only. */
const administrators: AccessRule = { roles: ["admin"] };

/** Serves `/admin/keys`, and `/metrics` where the telemetry has a Prometheus exporter. */
export function serveAdministration(
  app: Hono<GatewayEnv>,
  { cookieNames, identify, readEdgeState, keys, configuration, telemetry: { prometheus } }:
    AdministrationOptions,
): void {
  async function requireAdministrator(c: Context<GatewayEnv>): Promise<void> {
    const credentials = readCredentials(c.req.raw.headers, cookieNames);
    const bearer = await identify(credentials, {
      rule: administrators,
      revocation: "strict",
      steps: c.var.steps,
      read: (token) => readEdgeState({ token }),
    });
    // The log line of an administrator's request must name its subject, also when it is refused.
    if (bearer !== "anonymous") c.set("bearer", bearer);
    authorize(administrators, bearer);
  }

  getOnly(app, "/admin/keys", async function serveKeys(c) {
    await requireAdministrator(c);
    await keys.reload();
    const data = reportKeys(keys.all(), configuration.current());
    const { traceId } = currentContext()!.trace; // Set by `observe`.
    return c.json({ success: true, data, traceId }, 200, { "cache-control": "no-store" });
  });
  if (!prometheus) return;
  getOnly(app, "/metrics", async function serveMetrics(c) {
    await requireAdministrator(c);
    return c.text(prometheus(), 200, {
      "content-type": prometheusMediaType,
      "cache-control": "no-store",
    });
  });
}
