import { revocationKeys } from "@edgepass/shared/redis";
import type { Workspace } from "../workspace/workspace.ts";
import { readOrCreateText } from "../workspace/state_file.ts";
import { serveOnReservedPort } from "./reserved_port.ts";
import { makeSecret } from "@edgepass/shared/crypto";
import {
  createEmbeddedRedis,
  createRedisProxy,
  createRedisRest,
  openAppendOnlyFile,
  type RedisBackend,
} from "@edgepass/local/redis";
import type { Settings } from "../workspace/settings.ts";
import { StartError } from "../workspace/start_error.ts";

/** A Redis REST endpoint and how to reach it. */
export interface RedisEndpoint {
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

export interface RedisEndpointOptions {
  /** A real Redis behind the endpoint, in place of the embedded engine. */
  readonly redisUrl?: string;
  /** Where the embedded engine stores its writes, inside the workspace. */
  readonly file: string;
  readonly onError: (cause: unknown) => void;
}

/**
 * The Redis of the settings: the given endpoint untouched, or one served by this process on
 * loopback. Its port and its token stay the same as long as the port is free.
 *
 * @throws {StartError} when `REDIS_URL` is malformed or no Redis responds there
 */
export async function openRedis(
  workspace: Workspace,
  settings: Settings,
  { file, onError }: Omit<RedisEndpointOptions, "redisUrl">,
): Promise<RedisEndpoint> {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token, REDIS_URL } = settings;
  if (url !== "") return { url, token, close: () => Promise.resolve() };
  return await serveRedis(workspace, { redisUrl: REDIS_URL, file, onError });
}

async function serveRedis(
  workspace: Workspace,
  { redisUrl = "", file, onError }: RedisEndpointOptions,
): Promise<RedisEndpoint> {
  const token = await readOrCreateText(workspace, ["keys", "redis-rest-token"], makeSecret);
  const backend = redisUrl === "" ? openEmbedded(workspace.at(file)) : await connectRedis(redisUrl);
  const rest = createRedisRest({ backend, token, onError });
  const server = serveOnReservedPort(workspace.at("redis", "port"), rest);
  return {
    url: server.url,
    token,
    async close() {
      // First the backend: it ends the streams of subscribers, for which the server would wait.
      await backend.close();
      await server.close();
      // Only while this process holds the lock of the workspace may the lock file of its data go.
      await Deno.remove(`${workspace.at(file)}.lock`).catch(() => {});
    },
  };
}

function openEmbedded(path: string): RedisBackend {
  try {
    const redis = createEmbeddedRedis({
      persistence: openAppendOnlyFile(path),
      witnesses: [revocationKeys.ready],
    });
    // Loads Lua before the first request: otherwise the first logout would delay every request.
    void redis.execute(["EVAL", "return 1", "0"]);
    return redis;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw new StartError(`the embedded Redis has no data: ${reason}`, { cause });
  }
}

async function connectRedis(url: string): Promise<RedisBackend> {
  let backend: RedisBackend;
  try {
    backend = createRedisProxy({ url });
  } catch (cause) {
    throw new StartError("REDIS_URL must begin with redis:// or rediss://", { cause });
  }
  const reply = await backend.execute(["PING"]).catch(() => undefined);
  if (reply !== undefined && JSON.stringify(reply)?.includes("PONG")) return backend;
  await backend.close();
  throw new StartError("no Redis answers at REDIS_URL");
}
