import { EndpointError, type LoopbackHandler, type LoopbackServer } from "../loopback.ts";
import { openAppendOnlyFile } from "./append_only_file.ts";
import { createEmbeddedRedis } from "./embedded.ts";
import type { RedisBackend } from "./protocol.ts";
import { createRedisProxy } from "./proxy.ts";
import { createRedisRest } from "./rest.ts";

export interface ServeRedisOptions {
  /** The bearer token that every request needs. */
  readonly token: string;
  /** Where the embedded engine stores its writes. */
  readonly file: string;
  /** A real Redis behind the endpoint, in place of the embedded engine. */
  readonly redisUrl?: string;
  /** Keys that state that others are complete, as of `createEmbeddedRedis`. */
  readonly witnesses?: readonly string[];
  readonly serve: (handler: LoopbackHandler) => LoopbackServer;
  readonly onError: (cause: unknown) => void;
}

/**
 * Serves Redis over REST, from a file or from a real Redis.
 *
 * @throws {EndpointError} when the file cannot be read, `redisUrl` is malformed or no Redis responds
 */
export async function serveRedis(
  { token, file, redisUrl = "", witnesses = [], serve, onError }: ServeRedisOptions,
): Promise<LoopbackServer> {
  const backend = redisUrl === "" ? openFile(file, witnesses) : await connect(redisUrl);
  const server = serve(createRedisRest({ backend, token, onError }));
  return {
    url: server.url,
    async close() {
      // First the backend: it ends the streams of subscribers, for which the server would wait.
      await backend.close();
      await server.close();
    },
  };
}

function openFile(path: string, witnesses: readonly string[]): RedisBackend {
  try {
    const redis = createEmbeddedRedis({ persistence: openAppendOnlyFile(path), witnesses });
    // Loads Lua before the first request: otherwise the first logout would delay every request.
    void redis.execute(["EVAL", "return 1", "0"]);
    return redis;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw new EndpointError(`the embedded Redis has no data: ${reason}`, { cause });
  }
}

async function connect(url: string): Promise<RedisBackend> {
  let backend: RedisBackend;
  try {
    backend = createRedisProxy({ url });
  } catch (cause) {
    throw new EndpointError("REDIS_URL must begin with redis:// or rediss://", { cause });
  }
  const reply = await backend.execute(["PING"]).catch(() => undefined);
  if (reply !== undefined && JSON.stringify(reply)?.includes("PONG")) return backend;
  await backend.close();
  throw new EndpointError("no Redis responds at REDIS_URL");
}
