import * as z from "zod/mini";
import { configurationKeys, type Redis } from "../redis/mod.ts";

/** A version of the central document, as Redis and the durable copy have it. */
export interface StoredConfiguration {
  /** From 1 on. */
  readonly version: number;
  /** Not looked at yet. */
  readonly document: unknown;
}

const Stored = z.object({
  version: z.int().check(z.gte(1)),
  document: z.record(z.string(), z.unknown()),
});

/** A version out of a reply of Redis; undefined for what is none. */
export function readVersion(reply: unknown): number | undefined {
  return typeof reply === "string" && /^[1-9]\d{0,14}$/.test(reply) ? Number(reply) : undefined;
}

/**
 * The version that Redis names, undefined where it names none.
 *
 * @throws {RedisUnavailable}
 */
export async function fetchVersion(redis: Redis): Promise<number | undefined> {
  const [reply] = await redis.pipeline((pipeline) => pipeline.get(configurationKeys.version));
  return readVersion(reply);
}

/**
 * The document in Redis, undefined where there is none or it is garbage.
 *
 * @throws {RedisUnavailable}
 */
export async function fetchConfiguration(redis: Redis): Promise<StoredConfiguration | undefined> {
  const [reply] = await redis.pipeline((pipeline) => pipeline.get(configurationKeys.document));
  if (typeof reply !== "string") return undefined;
  try {
    return z.parse(Stored, JSON.parse(reply));
  } catch {
    return undefined;
  }
}

/**
 * Never lowers the version. The same one is written again: its document is the same, or was lost.
 * What is no number counts as no version.
 */
const raise = `
local there = redis.call('GET', KEYS[1]) or ''
local present = (#there <= 15 and string.match(there, '^%d+$')) and tonumber(there) or 0
if tonumber(ARGV[1]) >= present then
  redis.call('SET', KEYS[1], ARGV[1])
  redis.call('SET', KEYS[2], ARGV[2])
  return ARGV[1]
end
return tostring(present)`;

/**
 * Tells Redis of a version, and answers the one that it has then: a higher one stays.
 *
 * @throws {RedisUnavailable}
 */
export async function pushConfiguration(
  redis: Redis,
  { version, document }: StoredConfiguration,
): Promise<number> {
  const keys = [configurationKeys.version, configurationKeys.document];
  const [reply] = await redis.pipeline((pipeline) =>
    pipeline.eval(raise, keys, [String(version), JSON.stringify({ version, document })])
  );
  return Number(reply);
}
