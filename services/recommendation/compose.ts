import { eventTypes } from "@edgepass/contracts";
import { serviceSettings } from "@edgepass/contracts/configuration";
import { dependencyPolicies } from "@edgepass/contracts/dependencies";
import {
  type Application,
  type Bindings,
  ConfigError,
  livePolicies,
  origin,
  readConfig,
  readOwn,
  urlUpstream,
} from "@edgepass/shared/configuration";
import { secretSetting } from "@edgepass/shared/crypto";
import { createEvents } from "@edgepass/shared/events";
import { createServiceRuntime } from "@edgepass/shared/http";
import { createUpstashRedis, optionalUpstashSettings } from "@edgepass/shared/redis";
import {
  createFallback,
  type FallbackStore,
  type Policies,
  redisFallbackStore,
  redisWithBreaker,
  withResilience,
} from "@edgepass/shared/resilience";
import { readSqlDb, sqlSource } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import { createRecommendationService } from "./mod.ts";
import { sqlRecommendationProjection } from "./projections.ts";
import { createPseudonym } from "./pseudonym.ts";
import { buffered, createRecommend } from "./recommender.ts";
import type { Recommender } from "./service.ts";
import { addReconciliation } from "./reconciliation.ts";
import { sqlCatalogue } from "./store.ts";

const Config = z.object({
  RECOMMENDATION_DB: sqlSource,
  RECOMMENDATION_DB_TOKEN: z.optional(z.string()),
  RECOMMENDER_URL: z.optional(origin()),
  RECOMMENDER_KEY: z.optional(secretSetting),
  TRUST_DOMAIN: z._default(z.string().check(z.minLength(1)), "edgepass.local"),
});

/** The fallback must respond before the client gives up. */
const cacheTimeoutMs = 500;

/** Defaults for settings that the central configuration does not set. */
const defaults = { maxStaleSeconds: 86_400, limit: 10 };

/**
 * Wires the recommendation service from bindings.
 *
 * Settings: `RECOMMENDATION_DB` (`RECOMMENDATION_DB_TOKEN` for libSQL), `RECOMMENDER_URL` with
 * `RECOMMENDER_KEY`, and those of `createServiceRuntime` and `createEvents`. Without a recommender
 * there is only the default list; without Redis no fallback is stored. `maintain` deletes old
 * events.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeRecommendation(bindings: Bindings): Application {
  const config = readConfig(Config, bindings);
  const runtime = createServiceRuntime(bindings);
  const live = runtime.configuration("recommendation");
  const policies = livePolicies(live, dependencyPolicies);
  const settings = live.select(({ own }) => readOwn(serviceSettings.recommendation, own, defaults));
  const log = runtime.createLogger("recommendation");
  const sql = readSqlDb(config.RECOMMENDATION_DB, config.RECOMMENDATION_DB_TOKEN);
  const events = createEvents({
    service: "recommendation",
    table: eventTypes,
    sql,
    bindings,
    runtime,
  });
  addReconciliation(events, sql);
  const fallbackStore = openFallbackStore(bindings, policies);
  const service = createRecommendationService({
    runtime,
    events,
    projection: sqlRecommendationProjection(sql),
    catalogue: sqlCatalogue(sql),
    kept: fallbackStore,
    recommender: findRecommender(config, policies),
    fallback: createFallback({
      ...(fallbackStore ? { store: fallbackStore } : {}),
      now: runtime.now,
      maxStaleMs: () => settings().maxStaleSeconds * 1000,
      onFailure: (cause, source) =>
        log.warn("The recommender gave nothing of use", { source, cause }),
      onStoreFailure: (cause) => log.warn("Last good results cannot be stored or read", { cause }),
    }),
    defaultLimit: () => settings().limit,
  });
  return {
    fetch: service.fetch,
    start: () => events.start(),
    maintain: () => events.maintain(),
  };
}

function findRecommender(
  { RECOMMENDER_URL, RECOMMENDER_KEY, TRUST_DOMAIN }: z.output<typeof Config>,
  policies: Policies,
): Recommender | undefined {
  if (RECOMMENDER_URL === undefined) return undefined;
  if (RECOMMENDER_KEY === undefined) {
    throw new ConfigError("Cannot start: RECOMMENDER_KEY is missing, but RECOMMENDER_URL is set");
  }
  const upstream = { ...urlUpstream(RECOMMENDER_URL), name: "recommender" };
  return {
    ask: createRecommend(
      withResilience(buffered(upstream), { policy: () => policies("recommender") }),
    ),
    pseudonym: createPseudonym({ secret: RECOMMENDER_KEY, trustDomain: TRUST_DOMAIN }),
  };
}

function openFallbackStore(bindings: Bindings, policies: Policies): FallbackStore | undefined {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = readConfig(
    z.object(optionalUpstashSettings),
    bindings,
  );
  // The service runtime refuses one of the pair alone.
  if (url === undefined || token === undefined) return undefined;
  const redis = createUpstashRedis({ url, token, timeoutMs: cacheTimeoutMs });
  return redisFallbackStore(redisWithBreaker(redis, { policy: () => policies("redis") }));
}
