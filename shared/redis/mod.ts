export {
  automaticPipelining,
  type AutomaticPipeliningOptions,
  configurationKeys,
  formatRevocationPosition,
  reachesPosition,
  readConfigurationVersion,
  readRevocationPosition,
  type Redis,
  type RedisPipeline,
  RedisUnavailable,
  revocationKeys,
  type RevocationLevel,
  type RevocationPosition,
  revocationPositionHeader,
  sequenceMarkKey,
} from "./redis.ts";
export {
  createUpstashRedis,
  openOptionalUpstash,
  optionalUpstashSettings,
  type UpstashOptions,
  upstashSettings,
} from "./upstash.ts";
