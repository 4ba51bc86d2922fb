import { useEffect, useRef } from "preact/hooks";
import type { Configuration, RolloutEntry } from "../api_types.ts";
import { useApp } from "./app_context.ts";
import { type Answer, useResponse, useThrottled } from "./hooks.ts";

const reloadMs = 300;

/** What is in force and who has taken it, asked for again when the stream tells of a version. */
export function useConfiguration(): {
  readonly configuration: Answer<Configuration>;
  readonly rollout: Answer<readonly RolloutEntry[]>;
} {
  const { api, live } = useApp();
  const configuration = useResponse(api.configuration, []);
  const rollout = useResponse(api.configurationRollout, []);
  const follow = useThrottled(configuration.reload, reloadMs);
  const followHolders = useThrottled(rollout.reload, reloadMs);
  const known = useRef(0);
  known.current = Math.max(known.current, configuration.value?.inForce.version ?? 0);
  useEffect(() =>
    live.on("configuration", (told) => {
      followHolders();
      const version = Math.max(...told.map((one) => one.version));
      // Each program tells of the same version, and each question to the administrator's API is a
      // request like any other: one is enough.
      if (version <= known.current) return;
      known.current = version;
      follow();
    }), []);
  return { configuration, rollout };
}
