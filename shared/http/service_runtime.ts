import * as z from "zod/mini";
import { type Bindings, integer, origin, readConfig, setting } from "../composition/settings.ts";
import { createLogger } from "../context/request_context.ts";
import { type Logger, logSettings, type LogSink, toLoggerOptions } from "../log.ts";
import { keySource } from "../crypto/mod.ts";
import { createPassportRing, passportRingSetting } from "../passport/mod.ts";
import { readTelemetry, type Telemetry } from "../telemetry/mod.ts";
import { createVerifiers, type Verifiers } from "./passport_verifiers.ts";
import { createServiceConfigurations, type ServiceConfiguration } from "./service_configuration.ts";

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
