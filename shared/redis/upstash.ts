import { Redis as UpstashClient } from "@upstash/redis";
import * as z from "zod/mini";
import { type Bindings, readConfig } from "../config.ts";
import { currentContext } from "../context.ts";
import { count, measure } from "../telemetry/in_context.ts";
import { type Redis, type RedisPipeline, RedisUnavailable } from "./redis.ts";
import { beginTimeBudget, type TimeBudget } from "./time_budget.ts";

/** Where Redis is, and how long it may take. */
export interface UpstashOptions {
  /** The REST endpoint. */
  readonly url: string;
  /** Of the endpoint; a secret. */
  readonly token: string;
  /** Budget of one round trip in milliseconds, counted from its sending. */
  readonly timeoutMs: number;
  /**
   * What a round trip may take in all where this process itself was late, in milliseconds; without it
   * lateness is not measured, as on Workers, whose clock stands still.
   */
  readonly maxTimeoutMs?: number;
}

/** The settings of the REST endpoint. */
export const upstashSettings = {
  UPSTASH_REDIS_REST_URL: z.string().check(
    z.refine(
      (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
      "must be an http or https URL",
    ),
  ),
  UPSTASH_REDIS_REST_TOKEN: z.string().check(z.minLength(1)),
};

/** The same settings where Redis is not a must; one of the pair alone is a mistake. */
export const optionalUpstashSettings = {
  UPSTASH_REDIS_REST_URL: z.optional(upstashSettings.UPSTASH_REDIS_REST_URL),
  UPSTASH_REDIS_REST_TOKEN: z.optional(upstashSettings.UPSTASH_REDIS_REST_TOKEN),
};

/**
 * Redis by the official client, without those of its defaults that fail open or stall.
 *
 * One try within the budget; Deno's `fetch` may still send it twice when a connection closes before
 * the answer, so every command must bear being run again. The signal is a function: given a
 * plain one, the client resolves an aborted command to null, which would read as "not revoked". Replies stay texts, because the client
 * turns `"1"` into a number otherwise.
 */
export function createUpstashRedis(
  { url, token, timeoutMs, maxTimeoutMs }: UpstashOptions,
): Redis {
  let begun: TimeBudget | undefined;
  const client = new UpstashClient({
    url,
    token,
    retry: { retries: 0 },
    signal() {
      if (maxTimeoutMs === undefined) return AbortSignal.timeout(timeoutMs);
      begun = beginTimeBudget({ budgetMs: timeoutMs, maxMs: maxTimeoutMs });
      return begun.signal;
    },
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    readYourWrites: false,
    responseEncoding: false,
  });

  async function send(pipeline: RedisPipeline): Promise<unknown> {
    const sent = pipeline.exec();
    // The client asks for its signal before it waits for anything, so this one is of this call.
    const budget = begun;
    begun = undefined;
    return await sent.catch(fail).finally(() => budget?.end());
  }

  return {
    async pipeline(build) {
      const pipeline = client.pipeline();
      build(pipeline);
      const replies = await measured(pipeline.length(), () => send(pipeline));
      // The client maps whatever array comes back, so a short one would pass as fewer answers.
      if (!Array.isArray(replies) || replies.length !== pipeline.length()) {
        throw new RedisUnavailable("Redis answered another number of replies than commands");
      }
      if (replies.includes(undefined)) throw new RedisUnavailable("Redis left out a reply");
      return replies;
    },
  };
}

/** Also counts what a provider bills, and measures the round trip. */
async function measured<Result>(commands: number, ask: () => Promise<Result>): Promise<Result> {
  const service = currentContext()?.service;
  const startedAt = performance.now();
  let failure: string | undefined;
  try {
    return await ask();
  } catch (error) {
    failure = "redis_unavailable";
    throw error;
  } finally {
    count("edgepass.redis.commands", { "edgepass.service": service }, commands);
    measure("edgepass.redis.round_trip.duration", {
      "edgepass.service": service,
      "error.type": failure,
    }, (performance.now() - startedAt) / 1000);
  }
}

/** The client's errors quote the command, and with it ids of people: only the kind is kept. */
function fail(error: unknown): never {
  const kind = error instanceof Error ? error.name : typeof error;
  throw new RedisUnavailable(`Redis gave no usable reply (${kind})`);
}

/**
 * The Redis of the settings; undefined where they name none.
 *
 * @throws {ConfigError} when one of the pair is missing
 */
export function openOptionalUpstash(bindings: Bindings, timeoutMs: number): Redis | undefined {
  const given = readConfig(z.object(optionalUpstashSettings), bindings);
  if (Object.values(given).every((value) => value === undefined)) return undefined;
  const config = readConfig(z.object(upstashSettings), bindings);
  return createUpstashRedis({
    url: config.UPSTASH_REDIS_REST_URL,
    token: config.UPSTASH_REDIS_REST_TOKEN,
    timeoutMs,
  });
}
