import { fetchVersion } from "@edgepass/shared/configuration";
import { createUpstashRedis } from "@edgepass/shared/redis";
import { type CallTraces, createApiClient } from "../system/api_client.ts";
import { createAdminApi } from "./admin_api.ts";
import type { LogLine } from "./api.ts";
import { type ConfigurationBoard, createConfigurationBoard } from "./configuration_board.ts";
import { createRollout } from "./configuration_rollout.ts";
import type { System } from "./observer.ts";
import { createVersionWatch } from "./version_watch.ts";

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
