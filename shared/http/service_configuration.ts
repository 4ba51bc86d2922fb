import type { Bindings } from "../composition/settings.ts";
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
