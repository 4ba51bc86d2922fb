import { fetchVersion } from "@edgepass/shared/configuration";
import { createUpstashRedis } from "@edgepass/shared/redis";
import { type CallTraces, createApiClient } from "../system/api_client.ts";
import { createAdminApi } from "./admin_api.ts";
import type { LogLine } from "./api.ts";
import { type ConfigurationBoard, createConfigurationBoard } from "./configuration_board.ts";
import type { System } from "./observer.ts";
import type { RolloutEntry } from "./configuration_api.ts";

/** Everything of the observer that concerns the central configuration. */
export interface ConfigurationPart {
  readonly board: ConfigurationBoard;
  observe(lines: readonly LogLine[]): void;
  /** Whether any page is open that needs new versions. */
  watch(isWatched: boolean): void;
  close(): void;
}

const timeoutMs = 1_500;

/** Opens it for a system; `onVersion` receives each version that became current or was applied. */
export function openConfiguration(
  { redis, administrator, gatewayOrigin, services, base = [] }: Pick<
    System,
    "redis" | "administrator" | "gatewayOrigin" | "services" | "base"
  >,
  { onVersion, isNear, traces }: {
    readonly onVersion: (version: number) => void;
    /** Whether Redis is on this machine; one elsewhere bills each command. */
    readonly isNear: boolean;
    /** Which requests are the dashboard's own. */
    readonly traces: CallTraces;
  },
): ConfigurationPart {
  const client = createUpstashRedis({ ...redis, timeoutMs });
  const versions = createVersionWatch({
    fetchVersion: () => fetchVersion(client),
    onVersion,
    everyMs: isNear ? 1_000 : 15_000,
  });
  const rollout = createRollout(["gateway", ...services]);
  const { host } = new URL(gatewayOrigin);
  const admin = administrator &&
    createAdminApi(administrator, createApiClient({ port: administrator.port, host, traces }));
  return {
    board: createConfigurationBoard({ admin, base, rollout: rollout.read, onChange: onVersion }),
    observe(lines) {
      const version = rollout.observe(lines);
      if (version !== undefined) onVersion(version);
    },
    watch: versions.watch,
    close() {
      versions.close();
      admin?.close();
    },
  };
}

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
const taken = "Configuration applied";
const notTaken = "Configuration is invalid: the last valid one stays current";

/** Makes the list of the programs of a run; each begins with the environment alone. */
export function createRollout(services: readonly string[]): ConfigurationRollout {
  const rollout = new Map<string, RolloutEntry>(
    services.map((service) => [service, { service, version: null, since: null, refused: null }]),
  );

  function readApplied(
    { service, message, time, fields: { version } }: LogLine,
  ): number | undefined {
    const entry = rollout.get(service);
    if (!entry || typeof version !== "number") return undefined;
    if (message === taken) {
      const refused = entry.refused !== null && entry.refused > version ? entry.refused : null;
      rollout.set(service, { service, version, since: time, refused });
      return version;
    }
    if (message !== notTaken) return undefined;
    rollout.set(service, { ...entry, refused: version });
    return version;
  }

  return {
    observe(lines) {
      const versions = lines.flatMap((line) => readApplied(line) ?? []);
      return versions.length === 0 ? undefined : Math.max(...versions);
    },
    read: () => [...rollout.values()],
  };
}

/** Notices which version of the configuration is current, no matter who has changed it. */
export interface VersionWatch {
  /** Whether any page is open that needs changes. */
  watch(isWatched: boolean): void;
  close(): void;
}

export interface VersionWatchOptions {
  /** The current version; undefined where there is none. It may reject. */
  readonly fetchVersion: () => Promise<number | undefined>;
  readonly onVersion: (version: number) => void;
  readonly everyMs: number;
}

/** Makes the watch: no read happens while no page is open. */
export function createVersionWatch(
  { fetchVersion, onVersion, everyMs }: VersionWatchOptions,
): VersionWatch {
  let current: number | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let isFetching = false;

  async function poll(): Promise<void> {
    if (isFetching) return;
    isFetching = true;
    // While Redis is away the version is unreadable; its health shows that already.
    const version = await fetchVersion().catch(() => current);
    isFetching = false;
    if (timer === undefined || version === undefined || version === current) return;
    current = version;
    onVersion(version);
  }

  return {
    watch(isWatched) {
      clearInterval(timer);
      timer = isWatched ? setInterval(poll, everyMs) : undefined;
      if (isWatched) poll();
    },
    close() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
