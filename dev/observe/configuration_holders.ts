import type { LogLine } from "./api.ts";
import type { ConfigurationHolder } from "./configuration_api.ts";

/** Which version each program lives by, as it said itself. */
export interface ConfigurationHolders {
  /** The highest version that was taken by somebody just now; undefined when nobody spoke of any. */
  hear(lines: readonly LogLine[]): number | undefined;
  read(): ConfigurationHolder[];
}

/** What `createLiveConfiguration` writes: of every version it takes, and of each that does not fit. */
const taken = "Configuration in force";
const notTaken = "Configuration does not fit: the last good one stays";

/** Makes the list of the programs of a run; each begins with the environment alone. */
export function createHolders(services: readonly string[]): ConfigurationHolders {
  const holders = new Map<string, ConfigurationHolder>(
    services.map((service) => [service, { service, version: null, since: null, refused: null }]),
  );

  function hearOne({ service, message, time, fields: { version } }: LogLine): number | undefined {
    const holder = holders.get(service);
    if (!holder || typeof version !== "number") return undefined;
    if (message === taken) {
      const refused = holder.refused !== null && holder.refused > version ? holder.refused : null;
      holders.set(service, { service, version, since: time, refused });
      return version;
    }
    if (message !== notTaken) return undefined;
    holders.set(service, { ...holder, refused: version });
    return version;
  }

  return {
    hear(lines) {
      const versions = lines.flatMap((line) => hearOne(line) ?? []);
      return versions.length === 0 ? undefined : Math.max(...versions);
    },
    read: () => [...holders.values()],
  };
}
