import { Redis as UpstashClient } from "@upstash/redis";
import * as z from "zod/mini";
import { type Bindings, readConfig, setting } from "../composition/settings.ts";
import { count, measure } from "../context/measure.ts";
import { currentContext } from "../context/request_context.ts";
import { type Redis, type RedisPipeline, RedisUnavailable } from "./redis.ts";

/** Address and time limits of Redis. */
export interface UpstashOptions {
  /** The REST endpoint. */
  readonly url: string;
  /** The endpoint's token; a secret. */
  readonly token: string;
  /** Budget of one round trip in milliseconds, counted from when it is sent. */
  readonly timeoutMs: number;
  /**
   * What a round trip may take in total where this process itself lagged, in milliseconds; without
   * it the lag is not measured, as on Workers, whose clock stands still.
   */
  readonly maxTimeoutMs?: number;
}

/** The settings of the REST endpoint. */
export const upstashSettings = {
  UPSTASH_REDIS_REST_URL: setting(
    z.string().check(
      z.refine(
        (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
        "must be an http or https URL",
      ),
    ),
    {
      meaning:
        "the REST endpoint of the Redis database; services that start [without](#redis) it lack several functions",
    },
  ),
  UPSTASH_REDIS_REST_TOKEN: setting(z.string().check(z.minLength(1)), {
    meaning: "its token; the read-only one is enough for [some](#redis)",
    secret: true,
  }),
};

/** The same settings where Redis is optional; one of the pair alone is a configuration error. */
export const optionalUpstashSettings = {
  UPSTASH_REDIS_REST_URL: z.optional(upstashSettings.UPSTASH_REDIS_REST_URL),
  UPSTASH_REDIS_REST_TOKEN: z.optional(upstashSettings.UPSTASH_REDIS_REST_TOKEN),
};

/**
 * Redis by the official client, without those of its defaults that fail open or stall.
 *
 * One attempt within the budget; Deno's `fetch` may still send it twice when a connection closes
 * before the response, so every command must be idempotent enough to run twice. The signal is a
 * function: with a plain signal the client resolves an aborted command to null, which would mean
 * "not revoked". Replies stay texts, because the client would turn `"1"` into a number.
 */
export function createUpstashRedis(
  { url, token, timeoutMs, maxTimeoutMs }: UpstashOptions,
): Redis {
  let nextBudget: TimeBudget | undefined;
  const client = new UpstashClient({
    url,
    token,
    retry: { retries: 0 },
    signal() {
      if (maxTimeoutMs === undefined) return AbortSignal.timeout(timeoutMs);
      nextBudget = beginTimeBudget({ budgetMs: timeoutMs, maxMs: maxTimeoutMs });
      return nextBudget.signal;
    },
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    readYourWrites: false,
    responseEncoding: false,
  });

  async function send(pipeline: RedisPipeline): Promise<unknown> {
    const sent = pipeline.exec();
    // The client requests its signal synchronously, before any wait, so this one belongs to this
    // call.
    const budget = nextBudget;
    nextBudget = undefined;
    return await sent
      .catch((error) => fail(error, budget?.hasLagged() ?? false))
      .finally(() => budget?.end());
  }

  return {
    async pipeline(build) {
      const pipeline = client.pipeline();
      build(pipeline);
      const replies = await measured(pipeline.length(), () => send(pipeline));
      // The client accepts an array of any length: a short one would pass as fewer replies.
      if (!Array.isArray(replies) || replies.length !== pipeline.length()) {
        throw new RedisUnavailable("Redis returned a different number of replies than commands");
      }
      if (replies.includes(undefined)) throw new RedisUnavailable("Redis left out a reply");
      return replies;
    },
  };
}

/** Counts the commands, which a provider bills, and measures the round trip. */
async function measured<Result>(commands: number, run: () => Promise<Result>): Promise<Result> {
  const service = currentContext()?.service;
  const startedAt = performance.now();
  let failure: string | undefined;
  try {
    return await run();
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

/**
 * Reports only the error's kind: the client's messages quote the command, and with it people's ids.
 */
function fail(error: unknown, hasLagged: boolean): never {
  const kind = error instanceof Error ? error.name : typeof error;
  throw new RedisUnavailable(`Redis gave no usable reply (${kind})`, {
    hasLagged: hasLagged && kind === "TimeoutError",
  });
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

/** The clock and the timers of a time budget. */
export interface TimeBudgetClock {
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** Runs `run` after `ms` milliseconds; the returned function cancels it. */
  readonly after: (ms: number, run: () => void) => () => void;
}

/** The time budget of one call. */
export interface TimeBudget {
  /** Aborted when the budget is used up. */
  readonly signal: AbortSignal;
  /**
   * Whether this process's own timers were late for as long as the whole budget. A little lateness
   * says nothing: it has extended the budget, and a Redis that hangs must still open its breaker.
   */
  hasLagged(): boolean;
  /** Ends the budget when the call is over, whatever its outcome. */
  end(): void;
}

export interface TimeBudgetOptions {
  /** What the other side may take from now on, in milliseconds. */
  readonly budgetMs: number;
  /** What the call may take in total, however far this process lags, in milliseconds. */
  readonly maxMs: number;
}

/** How often the event loop's lag is measured, in milliseconds. */
const sliceMs = 10;

const runtimeClock: TimeBudgetClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Starts a time budget that excludes the event loop's own lag. Otherwise a busy process would
 * discard replies that arrived in time, and refuse every request although Redis is healthy.
 *
 * The budget is spent in slices; each one extends it by its timer's lag, up to `maxMs` in total.
 * When the last timer was late, the loop gets the same time once more, one slice at most, to read
 * replies that have arrived: it does not wait for Redis then, it catches up.
 */
export function beginTimeBudget(
  { budgetMs, maxMs }: TimeBudgetOptions,
  { now, after }: TimeBudgetClock = runtimeClock,
): TimeBudget {
  const over = new AbortController();
  const endsAt = now() + Math.max(budgetMs, maxMs);
  let left = budgetMs;
  let lagMs = 0;
  let isLastLook = false;
  let cancel: () => void = () => {};

  function wait(ms: number): void {
    const dueAt = now() + ms;
    cancel = after(ms, () => {
      const lateMs = now() - dueAt;
      lagMs += lateMs;
      left -= ms;
      if (isLastLook) return expire();
      const mayTakeMs = Math.min(left, endsAt - now());
      if (mayTakeMs > 0) return wait(Math.min(mayTakeMs, sliceMs));
      if (lateMs <= 0) return expire();
      isLastLook = true;
      wait(Math.min(lateMs, sliceMs));
    });
  }

  function expire(): void {
    over.abort(new DOMException("Signal timed out", "TimeoutError"));
  }

  wait(Math.min(left, sliceMs));
  return { signal: over.signal, hasLagged: () => lagMs >= budgetMs, end: () => cancel() };
}
