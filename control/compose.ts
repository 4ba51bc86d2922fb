import {
  type Application,
  type Bindings,
  ConfigError,
  type ConfigurationDocument,
  createDocumentSchema,
  integer,
  json,
  readConfig,
  routesSetting,
} from "@edgepass/shared/configuration";
import { requireDistinctSecrets } from "@edgepass/shared/crypto";
import { createService, createServiceRuntime, type ServiceRuntime } from "@edgepass/shared/http";
import { readSqlDb, sqlSource, uuidv7 } from "@edgepass/shared/sql";
import { passportRingSetting } from "@edgepass/shared/passport";
import { upstashSettings } from "@edgepass/shared/redis";
import { externalTokenLifeSeconds, isIssuerAlias } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import { createIssuerRevocations, type RevocableIssuer } from "./issuer_revocations.ts";
import { createControl } from "./mod.ts";
import { revocationRoutes } from "./routes/revocations.ts";
import { sqlIssuerRevocationStore } from "./store/revocations.ts";

export type { RevocableIssuer } from "./issuer_revocations.ts";

/** Of an issuer the gateway reads the rest, and refuses what does not fit. */
const Issuer = z.pipe(
  z.object({
    // The audit names a person `<alias>:<sub>` and a program `svc:<name>`.
    alias: z.string().check(
      z.refine(isIssuerAlias, "must be the alias of an issuer"),
      z.refine((alias) => alias !== "svc", "must not be svc, which names programs in the audit"),
    ),
    maxLifeSeconds: z._default(integer({ min: 1 }), externalTokenLifeSeconds),
    tenants: z.optional(z.unknown()),
  }),
  z.transform(toRevocableIssuer),
);

function toRevocableIssuer(
  { alias, maxLifeSeconds, tenants }: {
    alias: string;
    maxLifeSeconds: number;
    tenants?: unknown;
  },
): RevocableIssuer {
  return { alias, maxLifeSeconds, hasTenants: tenants !== undefined };
}

/** What the control plane needs from its deployment, where it runs alone. */
const ControlConfig = z.object({
  CONTROL_DB: sqlSource,
  CONTROL_DB_TOKEN: z.optional(z.string().check(z.minLength(1))),
  ISSUERS: z._default(
    json(z.array(Issuer).check(z.refine(haveDistinctAliases, "has an alias twice"))),
    [],
  ),
  LEEWAY_SECONDS: z._default(integer({ min: 0, max: 300 }), 5),
  PASSPORT_KEYS: passportRingSetting,
  ROUTES: routesSetting,
  ...upstashSettings,
});

type ControlConfig = z.output<typeof ControlConfig>;

/** Of two rows with one alias, the shorter `maxLifeSeconds` would end revocations before tokens. */
function haveDistinctAliases(issuers: readonly { readonly alias: string }[]): boolean {
  return new Set(issuers.map(({ alias }) => alias)).size === issuers.length;
}

/** A token of Redis that also signs Passports would let its provider sign them. */
function requireOwnSecrets(config: ControlConfig): void {
  try {
    requireDistinctSecrets({
      PASSPORT_KEYS: config.PASSPORT_KEYS.map(({ secret }) => secret),
      UPSTASH_REDIS_REST_TOKEN: [config.UPSTASH_REDIS_REST_TOKEN],
    });
  } catch (error) {
    throw error instanceof TypeError ? new ConfigError(error.message) : error;
  }
}

/** What a program may add to the settings. */
export interface ControlEffects {
  /** From `createServiceRuntime`; made from the settings by default. */
  readonly runtime?: ServiceRuntime;
  /** The schema of the central configuration; by default the platform's sections alone. */
  readonly schema?: z.ZodMiniType<ConfigurationDocument>;
  /** The issuers whose tokens may be revoked; those of `ISSUERS` by default. */
  readonly issuers?: readonly RevocableIssuer[];
}

/**
 * Wires a control plane that runs alone, beside a gateway whose identity providers are others'.
 *
 * It is a service: it accepts the gateway's Passports alone, and its API requires the role `admin`,
 * from whichever issuer.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeControl(
  bindings: Bindings,
  {
    runtime = createServiceRuntime(bindings),
    schema,
    issuers: given,
  }: ControlEffects = {},
): Application {
  const config = readConfig(ControlConfig, bindings);
  requireOwnSecrets(config);
  const issuers = given ?? config.ISSUERS;
  // Without an issuer no administrator could call the API, and no token could be revoked.
  if (issuers.length === 0) throw new ConfigError("Cannot start: ISSUERS is missing");
  const sql = readSqlDb(config.CONTROL_DB, config.CONTROL_DB_TOKEN);
  const live = runtime.configuration("control");
  const log = runtime.createLogger("control");
  const common = { leewaySeconds: config.LEEWAY_SECONDS, log, now: runtime.now };
  const control = createControl({
    ...common,
    sql,
    upstash: { url: config.UPSTASH_REDIS_REST_URL, token: config.UPSTASH_REDIS_REST_TOKEN },
    schema: schema ?? createDocumentSchema({ control: {} }, { routes: config.ROUTES }),
    keys: { passport: config.PASSPORT_KEYS },
    observeVersion: live.observeVersion,
    actorId: "svc:control",
  });
  const revocations = createIssuerRevocations({
    ...common,
    store: sqlIssuerRevocationStore(sql),
    issuers,
    announce: control.revocations.announce,
    newId: () => uuidv7(runtime.now()),
  });
  const app = createService({
    name: "control",
    runtime,
    description: "Revocation, central configuration and the life of keys",
    readiness: { store: control.checkStore },
  });
  for (const api of control.routes) app.route("/", api);
  app.route("/", revocationRoutes(revocations));
  return {
    fetch: (request) => app.fetch(request),
    async start() {
      await control.start();
      await live.ensureLoaded();
    },
    maintain: control.maintain,
    maintainUrgent: control.maintainUrgent,
  };
}
