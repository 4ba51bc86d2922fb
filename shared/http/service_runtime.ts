import * as z from "zod/mini";
import { type Bindings, integer, origin, readConfig, setting } from "../composition/settings.ts";
import {
  createLiveConfiguration,
  initialServiceValues,
  type LiveConfiguration,
  readServiceValues,
  type ServiceEnvironment,
  type ServiceValues,
  staticConfiguration,
} from "../configuration/mod.ts";
import { annotate, count } from "../context/measure.ts";
import { createLogger, currentContext } from "../context/request_context.ts";
import { importJwkSet, type KeyRing, keySource } from "../crypto/mod.ts";
import { type Logger, logSettings, type LogSink, toLoggerOptions } from "../log.ts";
import {
  createPassportRing,
  createPassportVerifier,
  createReload,
  createShadowVerifier,
  type LivePassports,
  type PassportRing,
  passportRingSetting,
  type PassportVerifier,
  type PassportVerifierOptions,
  type ShadowVerifier,
} from "../passport/mod.ts";
import { openOptionalUpstash } from "../redis/mod.ts";
import { readTelemetry, type Telemetry } from "../telemetry/mod.ts";

/** The shared runtime of the services of a trust domain. */
export interface ServiceRuntime {
  /** Verifies a service's `X-Passport` and `Txn-Token`, and logs why one is refused. */
  createVerifiers(service: string, log: Logger): Verifiers;
  /** A logger with a service's name and its currently configured level. */
  createLogger(service: string): Logger;
  /** The live configuration of a service, one per name. */
  configuration(service: string): ServiceConfiguration;
  /** The name of the trust domain: `aud` of its Passports. */
  readonly trustDomain: string;
  /** Receives spans and metrics. */
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Effects that tests replace. */
export interface ServiceRuntimeEffects {
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Receives log lines; standard output by default. */
  readonly sink?: LogSink;
}

/** The settings of a service's trust domain. */
export const serviceRuntimeSettings = {
  PUBLIC_ORIGIN: setting(z.optional(origin()), {
    meaning:
      "the one origin clients use; `https:` turns cookie prefixes, `Secure` and HSTS on; other hosts are 421",
    without: "refuses",
  }),
  ISSUER: setting(z.optional(z.string().check(z.minLength(1))), {
    meaning: "`iss` of our access tokens and of Passports",
    without: "`PUBLIC_ORIGIN`",
  }),
  TRUST_DOMAIN: setting(z._default(z.string().check(z.minLength(1)), "edgepass.local"), {
    meaning: "`aud` of Passports; one of its own for each environment",
  }),
  LEEWAY_SECONDS: setting(z._default(integer({ min: 0, max: 300 }), 5), {
    meaning: "tolerance for clocks that differ",
  }),
  PASSPORT_KEYS: setting(passportRingSetting, {
    meaning:
      "JSON array of `{kid, secret, state}`, one `signing`, the next one `published`; [keys](keys.md)",
    secret: true,
    make: "Passport keys",
  }),
  PASSPORT_KEYS_RELOAD: z.optional(keySource),
  ...logSettings,
};

/**
 * Creates the runtime of a service from the settings of its trust domain.
 *
 * Settings: `PASSPORT_KEYS`, `TRUST_DOMAIN`, `ISSUER` (or `PUBLIC_ORIGIN`), `LEEWAY_SECONDS`,
 * `LOG_LEVEL`. With `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN` the central
 * configuration applies. Keys are imported once, at the first Passport. `PASSPORT_KEYS_RELOAD` is
 * the runtime's reader of a key file that may change.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function createServiceRuntime(
  bindings: Bindings,
  { now = Date.now, sink }: ServiceRuntimeEffects = {},
): ServiceRuntime {
  const config = readConfig(z.object(serviceRuntimeSettings), bindings);
  const issuer = config.ISSUER ?? config.PUBLIC_ORIGIN;
  // The schema cannot express "one of two"; this second read throws the error that names the
  // setting.
  if (issuer === undefined) readConfig(z.object({ ISSUER: z.string() }), bindings);
  const trustDomain = {
    issuer: issuer ?? "",
    audience: config.TRUST_DOMAIN,
    leewaySeconds: config.LEEWAY_SECONDS,
    now,
  };
  const ring = createPassportRing(config.PASSPORT_KEYS, config.PASSPORT_KEYS_RELOAD);
  const verifiers = createVerifiers(ring, trustDomain);
  const configuration = createServiceConfigurations(bindings, {
    environment: { logLevel: config.LOG_LEVEL },
    createLogger: createServiceLogger,
    now,
  });
  function createServiceLogger(service: string): Logger {
    const { current } = configuration(service);
    return createLogger({
      service,
      now,
      ...toLoggerOptions(config),
      ...(sink ? { sink } : {}),
      level: () => current().values.logLevel,
    });
  }
  return {
    now,
    trustDomain: config.TRUST_DOMAIN,
    telemetry: readTelemetry(bindings),
    configuration,
    createLogger: createServiceLogger,
    createVerifiers: (service, log) =>
      verifiers(service, { configuration: configuration(service), log }),
  };
}

/** The verifier that decides about a request, and the one that only compares. */
export interface Verifiers {
  /** Decides about a request. */
  readonly verify: PassportVerifier;
  /** Compares the token of the other profile, and decides nothing. */
  readonly compare: ShadowVerifier;
}

/** Verification options of one trust domain. */
export type TrustDomain = Pick<
  Required<PassportVerifierOptions>,
  "issuer" | "audience" | "leewaySeconds" | "now"
>;

/** Creates the verifiers of a service, which use its live configuration. */
export type CreateVerifiers = (
  service: string,
  uses: { readonly configuration: ServiceConfiguration; readonly log: Logger },
) => Verifiers;

/** Creates the factory of verifiers; profile S uses the keys of the ring. */
export function createVerifiers(ring: PassportRing, trustDomain: TrustDomain): CreateVerifiers {
  const { keys } = ring;
  return function createVerifiersOf(service, { configuration, log }) {
    const live = configuration.select(toLive);
    const reloadRing = () =>
      ring.reload().catch(() => log.error("Passport keys could not be reloaded"));
    configuration.prepare(({ keys: { passport = {}, passportPublic = [] } }) => {
      const profileA = new Set(passportPublic.map(({ kid }) => kid));
      const named = Object.entries(passport).filter(([, state]) => state !== "revoked")
        .map(([kid]) => kid);
      return named.every((kid) => profileA.has(kid) || ring.has(kid)) ? undefined : reloadRing();
    });
    const reload = createReload(async () => {
      const [isCurrent] = await Promise.all([configuration.refresh(), reloadRing()]);
      return isCurrent;
    }, trustDomain);
    const trusted = { ...trustDomain, keys, live, reload };
    const named = (reason: string) => ({
      "edgepass.service": currentContext()?.service ?? service,
      "edgepass.reason": reason,
    });
    return {
      verify: createPassportVerifier({
        ...trusted,
        onRefusal(reason) {
          log.warn("Passport refused", { reason });
          annotate({ "edgepass.passport.verdict": reason });
          count("edgepass.passports.refused", named(reason));
        },
      }),
      compare: createShadowVerifier({
        ...trusted,
        isExpected: () => configuration.current().values.passport.send === "shadow",
        onMismatch(reason) {
          log.warn("Passports do not match", { reason });
          count("edgepass.passports.mismatched", named(reason));
        },
      }),
    };
  };
}

/** Public keys are imported once per version. Requests may share the promise: it does no I/O. */
function toLive(
  { keys: { passport = {}, passportPublic = [] }, passport: { accept = ["S"] } }: ServiceValues,
): LivePassports {
  let ring: Promise<KeyRing> | undefined;
  return {
    accept,
    publicKeys: () => ring ??= importJwkSet({ keys: passportPublic }, ["EdDSA"]),
    isRevoked: (kid) => Object.hasOwn(passport, kid) && passport[kid] === "revoked",
  };
}

/** The live configuration of a service. */
export type ServiceConfiguration = LiveConfiguration<ServiceValues>;

/** Timeout of Redis: a request waits for a document once per version. */
const timeoutMs = 500;

/**
 * Creates the live configuration of each service, one per name. Without Redis settings only the
 * environment applies.
 *
 * @throws {ConfigError} if only one of the two Redis settings is present
 */
export function createServiceConfigurations(
  bindings: Bindings,
  { environment, createLogger, now }: {
    readonly environment: ServiceEnvironment;
    readonly createLogger: (name: string) => Logger;
    readonly now: () => number;
  },
): (name: string) => ServiceConfiguration {
  const redis = openOptionalUpstash(bindings, timeoutMs);
  const made = new Map<string, ServiceConfiguration>();

  function make(name: string): ServiceConfiguration {
    const initial = initialServiceValues(environment);
    if (!redis) return staticConfiguration(initial);
    let log: Logger | undefined;
    return createLiveConfiguration({
      redis,
      initial,
      read: (document) => readServiceValues(document, name, environment),
      log: () => log ??= createLogger(name),
      now,
    });
  }

  return function configurationOf(name) {
    const configuration = made.get(name) ?? make(name);
    made.set(name, configuration);
    return configuration;
  };
}
