import * as z from "zod/mini";
import { configurationKeys, readConfigurationVersion, type Redis } from "../redis/mod.ts";

/** A version of the central document, as stored in Redis and in the durable copy. */
export interface StoredConfiguration {
  /** At least 1. */
  readonly version: number;
  /** Not validated. */
  readonly document: unknown;
}

const Stored = z.object({
  version: z.int().check(z.gte(1)),
  document: z.record(z.string(), z.unknown()),
});

/**
 * The version in Redis; undefined if there is none.
 *
 * @throws {RedisUnavailable}
 */
export async function fetchVersion(redis: Redis): Promise<number | undefined> {
  const [reply] = await redis.pipeline((pipeline) => pipeline.get(configurationKeys.version));
  return readConfigurationVersion(reply);
}

/**
 * The document in Redis; undefined if there is none or it cannot be parsed.
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
 * Never lowers the version. An equal version is written again, which restores a lost document. A
 * stored value that is not a number counts as no version.
 */
const raise = `
local stored = redis.call('GET', KEYS[1]) or ''
local present = (#stored <= 15 and string.match(stored, '^%d+$')) and tonumber(stored) or 0
if tonumber(ARGV[1]) >= present then
  redis.call('SET', KEYS[1], ARGV[1])
  redis.call('SET', KEYS[2], ARGV[2])
  return ARGV[1]
end
return tostring(present)`;

/**
 * Stores a version in Redis, unless Redis has a higher one, and returns the version that it then
 * has.
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

/**
 * The dotted paths at which two documents differ. Objects are compared member by member; if one
 * document lacks a part, the members of the other's part are listed.
 *
 * A list is compared as one value: a row that is inserted at the front would change every index.
 */
export function listChanges(before: unknown, after: unknown, path = ""): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const [from, to] = [before ?? {}, after ?? {}];
  if (!isObject(from) || !isObject(to)) return [path];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  const below = names.flatMap((name) =>
    listChanges(from[name], to[name], path === "" ? name : `${path}.${name}`)
  );
  return below.length === 0 ? [path] : below;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
