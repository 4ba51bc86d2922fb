import type { LogLine } from "./api.ts";
import type { RolloutEntry } from "./configuration_api.ts";

/** The version that each program has applied, as it reported itself. */
export interface ConfigurationRollout {
  /** The highest version that a program has just applied; undefined when the lines report none. */
  observe(lines: readonly LogLine[]): number | undefined;
  read(): RolloutEntry[];
}

/**
 * The texts that `createLiveConfiguration` logs: for every version it applies, and for each invalid
 * one.
 */
const taken = "Configuration in force";
const notTaken = "Configuration does not fit: the last good one stays";

/** Makes the list of the programs of a run; each begins with the environment alone. */
export function createRollout(services: readonly string[]): ConfigurationRollout {
  const rollout = new Map<string, RolloutEntry>(
    services.map((service) => [service, { service, version: null, since: null, refused: null }]),
  );

  function hearOne({ service, message, time, fields: { version } }: LogLine): number | undefined {
    const rolloutEntry = rollout.get(service);
    if (!rolloutEntry || typeof version !== "number") return undefined;
    if (message === taken) {
      const refused = rolloutEntry.refused !== null && rolloutEntry.refused > version
        ? rolloutEntry.refused
        : null;
      rollout.set(service, { service, version, since: time, refused });
      return version;
    }
    if (message !== notTaken) return undefined;
    rollout.set(service, { ...rolloutEntry, refused: version });
    return version;
  }

  return {
    observe(lines) {
      const versions = lines.flatMap((line) => hearOne(line) ?? []);
      return versions.length === 0 ? undefined : Math.max(...versions);
    },
    read: () => [...rollout.values()],
  };
}
