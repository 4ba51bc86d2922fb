import { useEffect } from "preact/hooks";
import type { Health } from "../api_types.ts";
import { useApp } from "./app_context.ts";
import { type Answer, useResponse } from "./hooks.ts";

/** How everything is, kept up to date by the stream. */
export function useHealth(): Answer<Health> {
  const { api, live } = useApp();
  const health = useResponse(api.health, []);
  useEffect(() =>
    live.on("health", (told) => {
      const last = told.at(-1);
      if (last) health.set(last);
    }), []);
  return health;
}
