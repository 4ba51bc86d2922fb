import {
  createEmbeddedRedis,
  createRedisProxy,
  createRedisRest,
  type RedisBackend,
} from "@edgepass/local/redis";
import { hasRedisServer, startRedisServer } from "./redis_server.ts";

/** The endpoint of one backend, on its own port. */
export interface Endpoint extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly backend: RedisBackend;
}

/** Serves the endpoint of a backend; disposing ends both. */
export function serveEndpoint(backend: RedisBackend): Endpoint {
  const token = crypto.randomUUID();
  const rest = createRedisRest({ backend, token });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, rest);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    token,
    backend,
    async [Symbol.asyncDispose]() {
      await backend.close();
      await server.shutdown();
    },
  };
}

async function realEndpoint(): Promise<Endpoint> {
  const redis = await startRedisServer();
  const endpoint = serveEndpoint(createRedisProxy({ url: redis.url }));
  return {
    ...endpoint,
    async [Symbol.asyncDispose]() {
      await endpoint[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

export interface BackendUnderTest {
  readonly name: string;
  /** The reason why it cannot be tested here. */
  readonly missing?: string;
  readonly start: () => Promise<Endpoint>;
}

/** Every backend, with the reason where one cannot run here. */
export async function backendsUnderTest(): Promise<readonly BackendUnderTest[]> {
  const real = { name: "a real Redis", start: realEndpoint };
  return [
    {
      name: "the embedded engine",
      start: () => Promise.resolve(serveEndpoint(createEmbeddedRedis())),
    },
    await hasRedisServer() ? real : { ...real, missing: "redis-server is not installed" },
  ];
}
