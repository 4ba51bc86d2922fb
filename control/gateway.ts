import {
  type Bindings,
  placeUpstream,
  readConfig,
  type Upstream,
  upstreamSetting,
} from "@edgepass/shared/configuration";
import * as z from "zod/mini";

/** What a gateway needs to know of its control plane. */
export interface ControlPlacement {
  /** Rows of the gateway's route table: the API of administrators. */
  readonly routes: readonly ControlRoute[];
  /** Where an emptied or restored revocation list is rebuilt. */
  readonly rebuild: { readonly upstream: Upstream; readonly path: string };
}

/** A row of the gateway's route table. */
export interface ControlRoute {
  /** The path, whole segments. */
  readonly path: string;
  /** The control plane. */
  readonly upstream: Upstream;
  /** The rule of each method. */
  readonly access: Readonly<Partial<Record<"GET" | "POST" | "PUT", typeof admin>>>;
  /** Never: an administrator who set a limit too low must be able to reset it. */
  readonly rateLimited: false;
}

const admin = { roles: ["admin"] } as const;

const access = {
  "/admin/audit": { GET: admin },
  "/admin/configuration": { GET: admin, PUT: admin },
  "/admin/configuration/history": { GET: admin },
  "/admin/configuration/history/{version}": { GET: admin },
  "/admin/configuration/rollback": { POST: admin },
  "/admin/revocations": { GET: admin, POST: admin },
} as const satisfies Readonly<Record<string, ControlRoute["access"]>>;

/**
 * The control plane that `CONTROL` places, a URL or a service binding; `local` is used when it
 * places none.
 *
 * @throws {ConfigError} when there is neither
 */
export function placeControl(bindings: Bindings, local?: Upstream): ControlPlacement {
  const { CONTROL } = readConfig(z.object({ CONTROL: z.optional(upstreamSetting) }), bindings);
  const upstream = placeUpstream("CONTROL", CONTROL, local);
  return {
    routes: Object.entries(access).map(([path, access]) => ({
      path,
      upstream,
      access,
      rateLimited: false,
    })),
    rebuild: { upstream, path: "/internal/revocations/refill" },
  };
}
