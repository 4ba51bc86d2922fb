import { createDeliveryFetch, type DeliveryFetch } from "./delivery_fetch.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { Logs } from "./logs.ts";
import { type Mode, modes } from "../workspace/modes.ts";
import type { LogNote } from "@edgepass/local/qstash";
import { openQstashEndpoint } from "./qstash_endpoint.ts";
import { openRecommender } from "./recommender_endpoint.ts";
import { openRedis } from "./redis_endpoint.ts";
import type { Settings } from "../workspace/settings.ts";

/** What the system needs from outside, served by dev where the settings name none. */
export interface Endpoints {
  /** The settings, with how to reach them. */
  readonly settings: Settings;
  readonly deliveries: Pick<DeliveryFetch, "open" | "hold">;
  /** Where the local QStash is; undefined where one was given. */
  readonly localQstash: { readonly url: string; readonly token: string } | undefined;
  /** From now on this listener receives what happens to messages of the local QStash. */
  onNote(listener: (note: LogNote) => void): void;
}

/**
 * Opens Redis, QStash and the recommender; `cleanup` closes them.
 *
 * @throws {StartError} when one of them cannot be served or does not respond
 */
export async function openEndpoints(
  base: Settings,
  { mode, workspace, logs, cleanup }: {
    readonly mode: Mode;
    readonly workspace: Workspace;
    readonly logs: Logs;
    readonly cleanup: AsyncDisposableStack;
  },
): Promise<Endpoints> {
  const redis = await openRedis(workspace, base, {
    file: modes[mode].redis,
    onError: (cause) => logs.report("error", `Redis endpoint: ${String(cause)}`),
  });
  cleanup.defer(redis.close);
  const { PUBLIC_ORIGIN: publicOrigin, PORT: port } = base;
  const deliveries = createDeliveryFetch({ publicOrigin, port: Number(port) });
  cleanup.defer(deliveries.close);
  let publishNote: (note: LogNote) => void = () => {};
  const qstash = await openQstashEndpoint(workspace, base, {
    file: modes[mode].qstash,
    fetch: deliveries.fetch,
    onNote: (note) => publishNote(note),
    onError: (cause) => logs.report("error", `QStash endpoint: ${String(cause)}`),
  });
  cleanup.defer(qstash.close);
  const recommender = openRecommender(workspace, base);
  cleanup.defer(recommender.close);
  return {
    deliveries,
    localQstash: base.QSTASH_URL === "" ? { url: qstash.url, token: qstash.token } : undefined,
    onNote: (listener) => publishNote = listener,
    settings: {
      ...base,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      QSTASH_URL: qstash.url,
      QSTASH_TOKEN: qstash.token,
      QSTASH_CURRENT_SIGNING_KEY: qstash.keys.current,
      QSTASH_NEXT_SIGNING_KEY: qstash.keys.next,
      RECOMMENDER_URL: recommender.url,
    },
  };
}
