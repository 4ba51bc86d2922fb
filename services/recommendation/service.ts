import { defineService, type EventTypes } from "@edgepass/contracts";
import { serviceSettings } from "@edgepass/contracts/configuration";
import { ConfigError, origin, readOwn, setting, urlUpstream } from "@edgepass/shared/configuration";
import { secretSetting } from "@edgepass/shared/crypto";
import type { ServiceParts } from "@edgepass/shared/http";
import { openOptionalUpstash } from "@edgepass/shared/redis";
import {
  createFallback,
  type FallbackStore,
  type Policies,
  redisFallbackStore,
  redisWithBreaker,
  withResilience,
} from "@edgepass/shared/resilience";
import type { SqlDb } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import {
  recommendationHandlers,
  recommendationReconciliation,
  sqlRecommendationProjection,
} from "./projections.ts";
import { buffered, createPseudonym, createRecommend } from "./recommender.ts";
import { recommendationRoutes } from "./routes.ts";
import { createRecommendations, keyOf, type RecommendationOptions } from "./rules.ts";
import { sqlCatalogue } from "./store.ts";

/** The fallback must respond before the client gives up. */
const cacheTimeoutMs = 500;

/** Defaults for settings that the central configuration does not set. */
const defaults = { maxStaleSeconds: 86_400, limit: 10 };

/** Without a recommender there is only the default list; without Redis no fallback is stored. */
export default defineService({
  name: "recommendation",
  description: "Which courses may suit somebody",
  maintenance: "Deletes old events.",
  settings: {
    RECOMMENDER_URL: setting(z.optional(origin()), {
      meaning: "origin of the [recommender](#the-recommender)",
      without: "the default list for all users",
    }),
    RECOMMENDER_KEY: setting(z.optional(secretSetting), {
      meaning: "secret behind the pseudonyms it receives, at least 32 random bytes as base64url",
      without: "refuses where `RECOMMENDER_URL` is set",
      secret: true,
      make: "secret",
    }),
  },
  create({ sql, settings, configuration, policies, log, now, bindings, runtime }) {
    const own = configuration.select((values) =>
      readOwn(serviceSettings.recommendation, values.own, defaults)
    );
    const redis = openOptionalUpstash(bindings, cacheTimeoutMs);
    const store = redis &&
      redisFallbackStore(redisWithBreaker(redis, { policy: () => policies("redis") }));
    return recommendationParts({
      sql,
      stored: store,
      recommender: findRecommender({ ...settings, trustDomain: runtime.trustDomain }, policies),
      fallback: createFallback({
        ...(store ? { store } : {}),
        now,
        maxStaleMs: () => own().maxStaleSeconds * 1000,
        onFailure: (cause, source) =>
          log.warn("The recommender returned no usable response", { source, cause }),
        onStoreFailure: (cause) =>
          log.warn("Last good results cannot be stored or read", { cause }),
      }),
      defaultLimit: () => own().limit,
    });
  },
});

/** The parts of the service, of a recommender and the places where results are stored. */
export function recommendationParts(
  { sql, stored, ...deps }: Omit<RecommendationOptions, "catalogue"> & {
    readonly sql: SqlDb;
    /** Where last good results are stored, if anywhere. */
    readonly stored?: Pick<FallbackStore, "forget"> | undefined;
  },
): ServiceParts<EventTypes, "recommendation"> {
  const catalogue = sqlCatalogue(sql);
  const recommendations = createRecommendations({ ...deps, catalogue });
  return {
    routes: { "/recommendations": recommendationRoutes(recommendations) },
    ready: { database: () => catalogue.check() },
    on: recommendationHandlers(
      sqlRecommendationProjection(sql),
      async (personId) => await stored?.forget(keyOf(personId)),
    ),
    reconciliation: recommendationReconciliation,
  };
}

function findRecommender(
  { RECOMMENDER_URL: url, RECOMMENDER_KEY: secret, trustDomain }: {
    readonly RECOMMENDER_URL?: string | undefined;
    readonly RECOMMENDER_KEY?: Uint8Array<ArrayBuffer> | undefined;
    readonly trustDomain: string;
  },
  policies: Policies,
): RecommendationOptions["recommender"] {
  if (url === undefined) return undefined;
  if (secret === undefined) {
    throw new ConfigError("Cannot start: RECOMMENDER_KEY is missing, but RECOMMENDER_URL is set");
  }
  const upstream = { ...urlUpstream(url), name: "recommender" };
  return {
    ask: createRecommend(
      withResilience(buffered(upstream), { policy: () => policies("recommender") }),
    ),
    pseudonym: createPseudonym({ secret, trustDomain }),
  };
}
