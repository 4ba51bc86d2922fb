import type { Workspace } from "../workspace/workspace.ts";
import { serveOnReservedPort } from "./reserved_port.ts";
import { createRecommender } from "./recommender/mod.ts";
import type { Settings } from "../workspace/settings.ts";

/** A recommender and how to reach it. */
export interface RecommenderEndpoint {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The recommender of the settings: the given one untouched, or one served by this process on
 * loopback. Its port stays the same as long as it is free; its faults are gone with it.
 */
export function openRecommender(
  workspace: Workspace,
  { RECOMMENDER_URL: url }: Pick<Settings, "RECOMMENDER_URL">,
): RecommenderEndpoint {
  if (url !== "") return { url, close: () => Promise.resolve() };
  const { handler, close } = createRecommender();
  const server = serveOnReservedPort(workspace.at("recommender.port"), handler);
  return {
    url: server.url,
    async close() {
      close();
      await server.close();
    },
  };
}
