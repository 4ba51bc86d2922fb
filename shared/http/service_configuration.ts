import type { Bindings } from "../config.ts";
import {
  createLiveConfiguration,
  initialServiceValues,
  type LiveConfiguration,
  readServiceValues,
  type ServiceEnvironment,
  type ServiceValues,
  staticConfiguration,
} from "../configuration/mod.ts";
import type { Logger } from "../log.ts";
import { openOptionalUpstash } from "../redis/mod.ts";

/** What a service lives by, in force at run time. */
export type ServiceConfiguration = LiveConfiguration<ServiceValues>;

/** A request waits for a document once for each version. */
const timeoutMs = 500;

/**
 * Makes the live configuration of each service by its name, one for each. Without the settings of a
 * Redis the environment is all there is.
 *
 * @throws {ConfigError} when one of the pair is missing
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
