import {
  type Bindings,
  commaList,
  ConfigError,
  createLiveConfiguration,
  ExternalRoute,
  type GatewayValues,
  initialGatewayValues,
  integer,
  json,
  type LiveConfiguration,
  livePolicies,
  origin,
  readConfig,
  readGatewayValues,
  setting,
  withoutUndefined,
} from "@edgepass/shared/configuration";
import { importJwkSet, JwkSet, keySource } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import {
  type Logger,
  logSettings,
  readTelemetry,
  toLoggerOptions,
} from "@edgepass/shared/telemetry";
import {
  automaticPipelining,
  createUpstashRedis,
  type Redis,
  upstashSettings,
} from "@edgepass/shared/redis";
import { areDistinct } from "@edgepass/shared/passport";
import { defaultPolicies, type Policies, redisWithBreaker } from "@edgepass/shared/resilience";
import { isIssuerAlias } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import type { GatewayOptions } from "./create_gateway.ts";
import type { IssuerOptions } from "./issuers.ts";
import { toRoute } from "./policy_snapshot.ts";
import type { ClientAddressSource } from "./request/headers.ts";
import { createRouteTable, type Route } from "./routes.ts";
import {
  createPassportSigningKeys,
  type PassportSigningKeys,
  passportSigningKeysSetting,
  readPassportSigningKeys,
  staticPassportSigningKeys,
} from "./signing_keys.ts";

/** No longer than what a Passport verifier accepts. */
const text = z.string().check(z.minLength(1), z.maxLength(512));

const clientAddress = z.pipe(
  z.string().check(
    z.regex(
      /^(peer|cf-connecting-ip|x-forwarded-for:[1-9])$/,
      "must be peer, cf-connecting-ip or x-forwarded-for:<hops>",
    ),
  ),
  z.transform(toClientAddressSource),
);

const claimPath = z.union([text, z.array(text)]);
const httpUrl = text.check(
  z.refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), "must be a URL"),
);
/** A key set in the setting must be usable: no later reload can replace it. */
const jwksSetting = JwkSet.check(
  z.refine((set) => !set.keys.some(isSecret), "must have public keys only"),
);
const issuer = z.strictObject({
  alias: text.check(
    z.refine(isIssuerAlias, "must be a lower-case word of at most 32 characters, and not user"),
  ),
  iss: text,
  audience: text,
  jwks: z.union([httpUrl, jwksSetting]),
  algorithms: z.array(z.enum(["EdDSA", "ES256", "RS256"])).check(z.minLength(1)),
  typ: z.optional(z.union([z.string(), z.array(z.string())])),
  claims: z.optional(z.strictObject({
    jti: z.optional(claimPath),
    sid: z.optional(claimPath),
    roles: z.optional(claimPath),
    scope: z.optional(claimPath),
  })),
  maxLifeSeconds: z.optional(integer({ min: 1 })),
});

const issuers = z.array(issuer).check(
  z.refine((all) => areDistinct(all.map(({ alias }) => alias)), "has an alias twice"),
  z.refine((all) => areDistinct(all.map(({ iss }) => iss)), "has an iss twice"),
);

/** What a gateway reads from its bindings, whatever product is behind it. */
export const gatewaySettings = {
  PUBLIC_ORIGIN: setting(origin(), {
    meaning:
      "the one origin clients use; `https:` turns cookie prefixes, `Secure` and HSTS on; other hosts are 421",
  }),
  ALLOWED_ORIGINS: setting(z._default(commaList(origin()), []), {
    meaning: "further origins whose pages may call (CORS and CSRF), comma list, exact",
    without: "none",
  }),
  ISSUER: setting(z.optional(text), {
    meaning: "`iss` of our access tokens and of Passports",
    without: "`PUBLIC_ORIGIN`",
  }),
  AUDIENCE: setting(z.optional(text), {
    meaning: "`aud` of our access tokens",
    without: "`PUBLIC_ORIGIN`",
  }),
  TRUST_DOMAIN: setting(z._default(text, "edgepass.local"), {
    meaning: "`aud` of Passports; one of its own for each environment",
  }),
  PASSPORT_KEYS: setting(passportSigningKeysSetting, {
    meaning:
      "JSON array of `{kid, secret, state}`, one `signing`, the next one `published`; [keys](keys.md)",
    secret: true,
  }),
  PASSPORT_KEYS_RELOAD: z.optional(keySource),
  PASSPORT_TTL_SECONDS: setting(z._default(integer({ min: 1, max: 300 }), 30), {
    meaning: "life of a Passport, and the longest a route may take",
  }),
  LEEWAY_SECONDS: setting(z._default(integer({ min: 0, max: 300 }), 5), {
    meaning: "tolerance for clocks that differ",
  }),
  ISSUERS: setting(z._default(json(issuers), []), {
    meaning: "JSON array of further token issuers",
    without: "`[]`",
  }),
  ROUTES: setting(z._default(json(z.array(ExternalRoute)), []), {
    meaning: "JSON array that puts other services behind the gateway",
    without: "`[]`",
  }),
  CLIENT_ADDRESS: setting(z._default(clientAddress, { kind: "peer" }), {
    meaning: "trusted source of the client's address, [below](#the-clients-address)",
    without: "`peer`",
  }),
  REVOCATION_TIMEOUT_MS: setting(z._default(integer({ min: 1, max: 10_000 }), 150), {
    meaning:
      "budget of the round trip to Redis, from the sending of the command; on Deno extended by the measured delay of the event loop, to 500 ms in all; over it a protected request is 503",
  }),
  ...upstashSettings,
  ...logSettings,
};

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

function toClientAddressSource(value: string): ClientAddressSource {
  if (value === "peer") return { kind: "peer" };
  if (value === "cf-connecting-ip") return { kind: "header", name: value };
  return { kind: "forwarded", hops: Number(value.slice("x-forwarded-for:".length)) };
}

function toIssuer({ jwks, typ, claims = {}, ...rest }: z.output<typeof issuer>): IssuerOptions {
  return {
    ...withoutUndefined(rest),
    claims: withoutUndefined(claims),
    ...(typ === undefined ? {} : { typ: typeof typ === "string" ? [typ] : typ }),
    jwks: typeof jwks === "string" ? (signal) => fetch(jwks, { signal, redirect: "manual" }) : jwks,
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

async function requireUsableKeys(issuers: readonly z.output<typeof issuer>[]): Promise<void> {
  for (const [position, { jwks, algorithms }] of issuers.entries()) {
    if (typeof jwks === "string" || (await importJwkSet(jwks, algorithms)).size > 0) continue;
    throw new ConfigError(
      `Cannot start: ISSUERS (${position}.jwks): has no key that fits one of its algorithms`,
    );
  }
}

function isSecret(key: unknown): boolean {
  return typeof key === "object" && key !== null && ("d" in key || "k" in key);
}
