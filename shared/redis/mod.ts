export {
  automaticPipelining,
  type AutomaticPipeliningOptions,
  type Redis,
  type RedisPipeline,
  RedisUnavailable,
} from "./redis.ts";
export {
  configurationKeys,
  formatRevocationPosition,
  reachesPosition,
  readRevocationPosition,
  revocationKeys,
  type RevocationLevel,
  type RevocationPosition,
  revocationPositionHeader,
  sequenceMarkKey,
} from "./keys.ts";
export {
  createUpstashRedis,
  openOptionalUpstash,
  optionalUpstashSettings,
  type UpstashOptions,
  upstashSettings,
} from "./upstash.ts";
