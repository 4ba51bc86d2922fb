import { useEffect, useRef } from "preact/hooks";
import type { Configuration, RolloutEntry } from "../api_types.ts";
import { useApp } from "./app_context.ts";
import { type Loadable, useResponse, useThrottled } from "./hooks.ts";

const reloadMs = 300;

/** The current version and its rollout, loaded again when the stream reports a version. */
export function useConfiguration(): {
  readonly configuration: Loadable<Configuration>;
  readonly rollout: Loadable<readonly RolloutEntry[]>;
} {
  const { api, live } = useApp();
  const configuration = useResponse(api.configuration, []);
  const rollout = useResponse(api.configurationRollout, []);
  const follow = useThrottled(configuration.reload, reloadMs);
  const followHolders = useThrottled(rollout.reload, reloadMs);
  const latest = useRef(0);
  latest.current = Math.max(latest.current, configuration.value?.inForce.version ?? 0);
  useEffect(() =>
    live.on("configuration", (events) => {
      followHolders();
      const version = Math.max(...events.map((one) => one.version));
      // Each program reports the same version, and each call of the administrator's API is a
      // request like
      // any other: one is enough.
      if (version <= latest.current) return;
      latest.current = version;
      follow();
    }), []);
  return { configuration, rollout };
}
