import type {
  ConfiguredKeyState,
  CurrentConfiguration,
  GatewayValues,
  LiveConfiguration,
  PassportPublicKey,
} from "@edgepass/shared/configuration";
import { currentContext } from "@edgepass/shared/context";
import type { Profile } from "@edgepass/shared/passport";
import { prometheusMediaType, type Telemetry } from "@edgepass/shared/telemetry";
import type { CookieNames } from "@edgepass/shared/tokens";
import type { Context, Hono } from "hono";
import { authorize, type Identify } from "./authenticate.ts";
import { readCredentials } from "./credentials.ts";
import { getOnly } from "./documents.ts";
import type { ReadEdgeState } from "./edge_state.ts";
import type { GatewayEnv } from "./observe.ts";
import type { AccessRule } from "./routes.ts";
import {
  choosePassports,
  type PassportSigningKey,
  type PassportSigningKeys,
} from "./signing_keys.ts";

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

/** A key of Passports as administrators see it: never its material. */
export interface ReportedKey {
  /** Key ID. */
  readonly kid: string;
  /** The kind of Passport it signs. */
  readonly profile: Profile;
  /** Its state in this instance's current configuration. */
  readonly state: ConfiguredKeyState;
  /** Where the state comes from: the central configuration, or the key's own setting. */
  readonly from: "central" | "own";
  /** Its public half, for an asymmetric key. */
  readonly publicKey?: PassportPublicKey;
}

/** An instance's report on its keys. */
export interface KeyReport {
  /** The version of the central configuration that is current in it. */
  readonly version: number;
  /** Every key whose material it has. */
  readonly keys: readonly ReportedKey[];
}

/** Reports the state of each key. */
export function reportKeys(
  keys: readonly PassportSigningKey[],
  { version, values }: CurrentConfiguration<GatewayValues>,
): KeyReport {
  const { passport: states = {} } = values.keys;
  const { S, A } = choosePassports(keys, values).signingKeys;
  return {
    version,
    keys: keys.map(({ profile, state: own, signing: { kid }, publicKey }) => {
      const isCentral = Object.hasOwn(states, kid);
      const state = (isCentral ? states[kid] : undefined) ?? own;
      const signs = (profile === "S" ? S : A)?.kid === kid;
      // The configuration has chosen another key to sign instead of the setting's.
      const isPast = state === "signing" && !signs;
      return {
        kid,
        profile,
        state: isPast ? "retired" : state,
        from: isCentral ? "central" : "own",
        ...(publicKey ? { publicKey } : {}),
      };
    }),
  };
}
