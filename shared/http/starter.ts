import * as z from "zod/mini";
import { type Bindings, integer, origin, readConfig } from "../config.ts";
import { createLogger, type Logger, type LogSink } from "../log.ts";
import { logSettings, toLoggerOptions } from "../log_settings.ts";
import {
  createPassportVerifier,
  type PassportKeys,
  passportKeysSetting,
  type PassportVerifier,
  readPassportKeys,
} from "../passport/mod.ts";
import { annotate, count, readTelemetry, type Telemetry } from "../telemetry/mod.ts";
import { currentContext } from "../context.ts";

/** What every service of a trust domain has in common. */
export interface Starter {
  /** Verifies what came as `X-Passport`, and logs why one is refused. */
  createVerifier(log: Logger): PassportVerifier;
  /** A logger that writes under a service's name. */
  createLogger(service: string): Logger;
  /** Where spans and measurements go. */
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Effects that tests replace. */
export interface StarterEffects {
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Where log lines go; standard output by default. */
  readonly sink?: LogSink;
}

/** The settings by which a service knows its trust domain. */
export const starterSettings = {
  PUBLIC_ORIGIN: z.optional(origin()),
  ISSUER: z.optional(z.string().check(z.minLength(1))),
  TRUST_DOMAIN: z._default(z.string().check(z.minLength(1)), "edgepass.local"),
  LEEWAY_SECONDS: z._default(integer({ min: 0, max: 300 }), 5),
  PASSPORT_KEYS: passportKeysSetting,
  ...logSettings,
};

/**
 * Reads what a service needs to know of its trust domain.
 *
 * Settings: `PASSPORT_KEYS`, `TRUST_DOMAIN`, `ISSUER` (or `PUBLIC_ORIGIN`), `LEEWAY_SECONDS`,
 * `LOG_LEVEL`. Keys are imported once, at the first Passport.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function createStarter(
  bindings: Bindings,
  { now = Date.now, sink }: StarterEffects = {},
): Starter {
  const config = readConfig(z.object(starterSettings), bindings);
  const issuer = config.ISSUER ?? config.PUBLIC_ORIGIN;
  // The schema cannot say "one of two", and reading the pair again names what is missing.
  if (issuer === undefined) readConfig(z.object({ ISSUER: z.string() }), bindings);
  let keys: Promise<PassportKeys> | undefined;
  const ring = async () => (await (keys ??= readPassportKeys(config.PASSPORT_KEYS))).ring;
  return {
    now,
    telemetry: readTelemetry(bindings),
    createLogger: (service) =>
      createLogger({ service, now, ...toLoggerOptions(config), ...(sink ? { sink } : {}) }),
    createVerifier: (log) =>
      createPassportVerifier({
        keys: ring,
        issuer: issuer ?? "",
        audience: config.TRUST_DOMAIN,
        leewaySeconds: config.LEEWAY_SECONDS,
        now,
        onRefusal(reason) {
          log.warn("Passport refused", { reason });
          annotate({ "edgepass.passport.verdict": reason });
          count("edgepass.passports.refused", {
            "edgepass.service": currentContext()?.service,
            "edgepass.reason": reason,
          });
        },
      }),
  };
}
