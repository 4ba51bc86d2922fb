export { automaticPipelining, type AutomaticPipeliningOptions } from "./automatic_pipelining.ts";
export {
  configurationKeys,
  revocationKeys,
  type RevocationLevel,
  sequenceMarkKey,
} from "./keys.ts";
export { type Redis, type RedisPipeline, RedisUnavailable } from "./redis.ts";
export {
  formatRevocationPosition,
  reachesPosition,
  readRevocationPosition,
  type RevocationPosition,
  revocationPositionHeader,
} from "./revocation_position.ts";
export {
  createUpstashRedis,
  openOptionalUpstash,
  optionalUpstashSettings,
  type UpstashOptions,
  upstashSettings,
} from "./upstash.ts";
