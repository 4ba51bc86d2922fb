export { type GatherOptions, gatherPipelines } from "./gather.ts";
export { revocationKeys, type RevocationLevel } from "./keys.ts";
export { type Redis, type RedisPipeline, RedisUnavailable } from "./redis.ts";
export { createUpstashRedis, type UpstashOptions, upstashSettings } from "./upstash.ts";
