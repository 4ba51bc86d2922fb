export { inspectAppendOnlyFile, openAppendOnlyFile, type Persistence } from "./append_only_file.ts";
export {
  type Command,
  type Message,
  type RedisBackend,
  RedisUnavailable,
  type Subscription,
} from "./backend.ts";
export type { Bytes } from "./bytes.ts";
export { createEmbeddedRedis, type EmbeddedRedisOptions } from "./embedded.ts";
export { createRedisProxy, type RedisProxyOptions } from "./proxy.ts";
export type { Failure, Reply, Status } from "./reply.ts";
export { createRedisRest, type RedisRestOptions } from "./rest.ts";
