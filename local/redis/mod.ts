export { inspectAppendOnlyFile, openAppendOnlyFile, type Persistence } from "./append_only_file.ts";
export { createEmbeddedRedis, type EmbeddedRedisOptions } from "./embedded.ts";
export {
  type Bytes,
  type Command,
  type Failure,
  type Message,
  type RedisBackend,
  RedisUnavailable,
  type Reply,
  type Status,
  type Subscription,
} from "./protocol.ts";
export { createRedisProxy, type RedisProxyOptions } from "./proxy.ts";
export { createRedisRest, type RedisRestOptions } from "./rest.ts";
export { serveRedis, type ServeRedisOptions } from "./serve.ts";
