import {
  type Bindings,
  ConfigError,
  createLiveConfiguration,
  type GatewayValues,
  initialGatewayValues,
  type LiveConfiguration,
  readConfig,
  readGatewayValues,
  withoutUndefined,
} from "@edgepass/shared/configuration";
import { createLogger } from "@edgepass/shared/context";
import { importIssuerKeys } from "@edgepass/shared/crypto";
import { automaticPipelining, createUpstashRedis, type Redis } from "@edgepass/shared/redis";
import {
  defaultPolicies,
  livePolicies,
  type Policies,
  redisWithBreaker,
} from "@edgepass/shared/resilience";
import { type Logger, readTelemetry, toLoggerOptions } from "@edgepass/shared/telemetry";
import * as z from "zod/mini";
import type { GatewayOptions } from "./create_gateway.ts";
import { describeDropped, locateKeySet } from "./discovery.ts";
import { type IssuerRow, usesPlainHttp } from "./issuer_settings.ts";
import type { IssuerOptions } from "./issuers.ts";
import { toRoute } from "./policy_snapshot.ts";
import { createRouteTable, type Route } from "./routes.ts";
import { gatewaySettings } from "./settings.ts";
import {
  createPassportSigningKeys,
  type PassportSigningKeys,
  readPassportSigningKeys,
  staticPassportSigningKeys,
} from "./signing_keys.ts";

const Config = z.object(gatewaySettings);

/**
 * However far the event loop lags, no request waits longer for Redis than this, in milliseconds.
 */
const maxRevocationMs = 500;

/** The settings of a gateway, typed; a composition adds its own issuer and routes. */
export interface GatewayConfig extends
  Pick<
    GatewayOptions,
    | "publicOrigin"
    | "admission"
    | "allowedOrigins"
    | "clientAddress"
    | "leewaySeconds"
    | "passport"
    | "policies"
    | "log"
    | "telemetry"
  > {
  /** `iss` of our own access tokens and of Passports. */
  readonly issuer: string;
  /** `aud` of our own access tokens. */
  readonly audience: string;
  /** Further issuers, from `ISSUERS`. */
  readonly issuers: readonly IssuerOptions[];
  /** External services, from `ROUTES`. */
  readonly routes: readonly Route[];
  /** Where the revocation list is, with its budget of time. */
  readonly redis: Redis;
  /** The central configuration that is current at run time. */
  readonly configuration: LiveConfiguration<GatewayValues>;
}

/** What depends on the runtime. */
export interface GatewayEffects {
  /** Whether requests may wait for each other to share a round trip; Workers forbid it. */
  readonly pipelineAutomatically?: boolean;
  /** Milliseconds of a processor that this instance has used; Workers do not report it. */
  readonly processorMs?: () => number;
  /** Whether timers can measure the event loop's lag; in Workers the clock stands still. */
  readonly measuresLateness?: boolean;
  /** How each dependency is called, Redis among them; the platform's defaults without. */
  readonly policies?: Policies;
}

/**
 * Reads a gateway's settings.
 *
 * @throws {ConfigError} naming the variables that are missing or malformed, never their values
 */
export async function readGatewayConfig(
  bindings: Bindings,
  {
    pipelineAutomatically = false,
    processorMs,
    measuresLateness = false,
    policies = defaultPolicies,
  }: GatewayEffects = {},
): Promise<GatewayConfig> {
  const config = readConfig(Config, bindings);
  const issuer = config.ISSUER ?? config.PUBLIC_ORIGIN;
  await requireUsableKeys(config.ISSUERS);
  const routes = config.ROUTES.map(toRoute);
  requireRoutes(routes, config.PASSPORT_TTL_SECONDS);
  const live = openLive(config, { measuresLateness, policies });
  const { redis, log } = live;
  warnOfPlainHttp(config.ISSUERS, log);
  return {
    publicOrigin: config.PUBLIC_ORIGIN,
    // A longer wait would use up Redis's time limit, and the breaker would count it as a Redis
    // failure.
    ...(processorMs ? { admission: { budgetMs: config.REVOCATION_TIMEOUT_MS, processorMs } } : {}),
    allowedOrigins: config.ALLOWED_ORIGINS,
    clientAddress: config.CLIENT_ADDRESS,
    leewaySeconds: config.LEEWAY_SECONDS,
    issuer,
    audience: config.AUDIENCE ?? config.PUBLIC_ORIGIN,
    issuers: config.ISSUERS.map(toIssuer),
    routes,
    ...live,
    redis: pipelineAutomatically ? automaticPipelining(redis) : redis,
    telemetry: readTelemetry(bindings),
    passport: {
      issuer,
      audience: config.TRUST_DOMAIN,
      keys: await readKeys(config, log),
      ttlSeconds: config.PASSPORT_TTL_SECONDS,
      policy: config.PASSPORT_POLICY,
    },
  };
}

/** Redis, and what follows the central configuration in it: each depends on the others. */
function openLive(
  config: z.output<typeof Config>,
  { measuresLateness, policies }: Required<Pick<GatewayEffects, "measuresLateness" | "policies">>,
): Pick<GatewayConfig, "configuration" | "redis"> & { policies: Policies; log: Logger } {
  const client = createUpstashRedis({
    url: config.UPSTASH_REDIS_REST_URL,
    token: config.UPSTASH_REDIS_REST_TOKEN,
    timeoutMs: config.REVOCATION_TIMEOUT_MS,
    ...(measuresLateness ? { maxTimeoutMs: maxRevocationMs } : {}),
  });
  // Pipelining wraps the breaker, not the reverse: a failed round trip of many callers is one
  // failure.
  const redis = redisWithBreaker(client, {
    policy: () => policiesNow("redis"),
    timeoutMs: config.REVOCATION_TIMEOUT_MS,
  });
  const environment = {
    logLevel: config.LOG_LEVEL,
    passportTtlSeconds: config.PASSPORT_TTL_SECONDS,
  };
  const configuration = createLiveConfiguration({
    redis,
    initial: initialGatewayValues(environment),
    read: (document) => readGatewayValues(document, environment),
    log: () => log,
  });
  const policiesNow = livePolicies(configuration, policies);
  const log = createLogger({
    service: "gateway",
    ...toLoggerOptions(config),
    level: () => configuration.current().values.logLevel,
  });
  return { configuration, redis, policies: policiesNow, log };
}

/** The issuer of a row of `ISSUERS`; nothing is fetched yet. */
export function toIssuer({ claims = {}, discovery, ...row }: IssuerRow): IssuerOptions {
  return {
    ...withoutUndefined(row),
    claims: withoutUndefined(claims),
    jwks: locateKeySet({ ...row, discovery }),
  };
}

/**
 * Checks the setting alone, so that an error names it; the complete table is checked again later.
 */
function requireRoutes(routes: readonly Route[], ttlSeconds: number): void {
  try {
    createRouteTable(routes, {
      maxTimeoutMs: ttlSeconds * 1000,
      nameOf: (_route, position) => `ROUTES (${position})`,
    });
  } catch (error) {
    throw error instanceof RangeError ? new ConfigError(error.message) : error;
  }
}

async function readKeys(
  { PASSPORT_KEYS: setting, PASSPORT_KEYS_RELOAD: source }: z.output<typeof Config>,
  log: Logger,
): Promise<PassportSigningKeys> {
  try {
    const keys = await readPassportSigningKeys(setting);
    return source
      ? createPassportSigningKeys(keys, { source, log: () => log })
      : staticPassportSigningKeys(keys);
  } catch (error) {
    throw error instanceof TypeError ? new ConfigError(error.message) : error;
  }
}

/**
 * A warning and no refusal: the key set of an issuer may be at a service's internal address, as
 * with version 0.1.0.
 */
function warnOfPlainHttp(rows: readonly IssuerRow[], log: Logger): void {
  const issuers = rows.filter(usesPlainHttp).map(({ alias }) => alias);
  if (issuers.length === 0) return;
  log.warn("Keys of issuers are read over plain http: who can change them can sign every token", {
    about: "settings",
    issuers,
  });
}

async function requireUsableKeys(issuers: readonly IssuerRow[]): Promise<void> {
  for (const [position, { jwks, algorithms }] of issuers.entries()) {
    if (typeof jwks !== "object") continue;
    const { entries, dropped } = await importIssuerKeys(jwks, algorithms);
    if (entries.length > 0) continue;
    const reasons = dropped.length === 0 ? "" : `: ${describeDropped(dropped)}`;
    throw new ConfigError(
      `Cannot start: ISSUERS (${position}.jwks): has no key that fits one of its algorithms${reasons}`,
    );
  }
}
