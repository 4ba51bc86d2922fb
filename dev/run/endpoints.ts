import { EndpointError, serveOnReservedPort } from "@edgepass/local/loopback";
import { type LogNote, type QstashServer, serveQstash } from "@edgepass/local/qstash";
import { serveRedis } from "@edgepass/local/redis";
import { revocationKeys } from "@edgepass/shared/redis";
import { makeSecret } from "@edgepass/shared/crypto";
import { type Mode, modes, readOrCreateText, type Workspace } from "../workspace/workspace.ts";
import type { Settings } from "../workspace/settings.ts";
import { StartError } from "../workspace/start.ts";
import { createDeliveryFetch, type DeliveryFetch } from "./delivery_fetch.ts";
import type { Logs } from "./logs.ts";
import { createRecommender } from "./recommender.ts";

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
  const onError = (name: string) => (cause: unknown) =>
    logs.report("error", `${name} endpoint: ${String(cause)}`);
  const redis = await openRedis(workspace, base, {
    file: modes[mode].redis,
    onError: onError("Redis"),
  });
  cleanup.defer(redis.close);
  const { PUBLIC_ORIGIN: publicOrigin, PORT: port } = base;
  const deliveries = createDeliveryFetch({ publicOrigin, port: Number(port) });
  cleanup.defer(deliveries.close);
  let publishNote: (note: LogNote) => void = () => {};
  const qstash = await openQstash(workspace, base, {
    file: modes[mode].qstash,
    fetch: deliveries.fetch,
    onNote: (note) => publishNote(note),
    onError: onError("QStash"),
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

/** An endpoint and how to reach it. */
interface Endpoint {
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

interface EndpointOptions {
  /** Where it stores its data, inside the workspace. */
  readonly file: string;
  readonly onError: (cause: unknown) => void;
}

const notOurs = () => Promise.resolve();

/** The Redis of the settings: the given one untouched, or one served here. */
async function openRedis(
  workspace: Workspace,
  { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, REDIS_URL: redisUrl }: Settings,
  { file, onError }: EndpointOptions,
): Promise<Endpoint> {
  if (UPSTASH_REDIS_REST_URL !== "") {
    return { url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN, close: notOurs };
  }
  const token = await readOrCreateText(workspace, ["keys", "redis-rest-token"], makeSecret);
  const path = workspace.at(file);
  const { url, close } = await serveRedis({
    token,
    file: path,
    redisUrl,
    witnesses: [revocationKeys.ready],
    serve: (handler) => serveOnReservedPort(workspace.at("redis", "port"), handler),
    onError,
  }).catch(toStartError);
  return { url, token, close: () => close().then(() => removeLock(path)) };
}

type QstashSettings = Pick<
  Settings,
  "QSTASH_URL" | "QSTASH_TOKEN" | "QSTASH_CURRENT_SIGNING_KEY" | "QSTASH_NEXT_SIGNING_KEY"
>;

/**
 * The QStash of the settings: the given one untouched, or one served here. Its signing keys are
 * those of its file, which the settings' keys are only for a file that has none.
 *
 * @throws {StartError} when its data cannot be opened
 */
export async function openQstash(
  workspace: Workspace,
  settings: QstashSettings,
  { file, onError, ...options }: EndpointOptions & {
    readonly fetch?: typeof fetch;
    readonly onNote?: (note: LogNote) => void;
  },
): Promise<Endpoint & Pick<QstashServer, "keys">> {
  const { QSTASH_CURRENT_SIGNING_KEY: current, QSTASH_NEXT_SIGNING_KEY: next } = settings;
  if (settings.QSTASH_URL !== "") {
    const { QSTASH_URL: url, QSTASH_TOKEN: token } = settings;
    return { url, token, keys: { current, next }, close: notOurs };
  }
  const token = settings.QSTASH_TOKEN ||
    await readOrCreateText(workspace, ["keys", "qstash-token"], makeSecret);
  const path = workspace.at(file);
  const { url, keys, close } = serve({
    ...options,
    token,
    path,
    ...(current !== "" && next !== "" ? { keys: { current, next } } : {}),
    serve: (handler) => serveOnReservedPort(workspace.at(`${file}.port`), handler),
    onError,
  });
  return { url, token, keys, close: () => close().then(() => removeLock(path)) };
}

function serve(options: Parameters<typeof serveQstash>[0]): QstashServer {
  try {
    return serveQstash(options);
  } catch (cause) {
    return toStartError(cause);
  }
}

/** The recommender of the settings: the given one untouched, or one whose faults end with dev. */
function openRecommender(
  workspace: Workspace,
  { RECOMMENDER_URL: url }: Settings,
): Pick<Endpoint, "url" | "close"> {
  if (url !== "") return { url, close: notOurs };
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

/** Only while this process holds the lock of the workspace may the lock file of its data go. */
async function removeLock(path: string): Promise<void> {
  await Deno.remove(`${path}.lock`).catch(() => {});
}

function toStartError(cause: unknown): never {
  if (cause instanceof EndpointError) throw new StartError(cause.message, { cause });
  throw cause;
}
