import { useEffect } from "preact/hooks";
import type { Health } from "../api_types.ts";
import { useApp } from "./app_context.ts";
import { type Loadable, useResponse } from "./hooks.ts";

/** The health of every part, kept up to date by the stream. */
export function useHealth(): Loadable<Health> {
  const { api, live } = useApp();
  const health = useResponse(api.health, []);
  useEffect(() =>
    live.on("health", (events) => {
      const last = events.at(-1);
      if (last) health.set(last);
    }), []);
  return health;
}
