import { eventTypes } from "@edgepass/contracts";
import { dependencyPolicies } from "@edgepass/contracts/dependencies";
import type { Application } from "@edgepass/shared/application";
import { type Bindings, readConfig } from "@edgepass/shared/config";
import { followPolicies } from "@edgepass/shared/configuration";
import { createEvents } from "@edgepass/shared/events";
import { createClient, createStarter } from "@edgepass/shared/http";
import { readSqlDb, sqlSource } from "@edgepass/shared/sql/config";
import { placeUpstream, type Upstream, upstreamSetting } from "@edgepass/shared/upstream";
import * as z from "zod/mini";
import { createCourseService } from "./mod.ts";
import { sqlCourseNews } from "./news_store.ts";
import { readProfile } from "./profiles.ts";
import { sqlCourseStore } from "./store.ts";
import { addStates } from "./states_store.ts";

const Config = z.object({
  COURSE_DB: sqlSource,
  COURSE_DB_TOKEN: z.optional(z.string()),
  USER: z.optional(upstreamSetting),
});

/**
 * Wires the course service from bindings; `local` services answer wherever no binding names one.
 *
 * Settings: `COURSE_DB` (`COURSE_DB_TOKEN` for libSQL), `USER`, and those of `createStarter` and
 * `createEvents`. `sweep` publishes what crashes left.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeCourse(
  bindings: Bindings,
  local: { readonly USER?: Upstream } = {},
): Application {
  const { COURSE_DB, COURSE_DB_TOKEN, USER } = readConfig(Config, bindings);
  const user = placeUpstream("USER", USER, local.USER);
  const starter = createStarter(bindings);
  const sql = readSqlDb(COURSE_DB, COURSE_DB_TOKEN);
  const client = createClient({
    services: { user },
    resilience: { policies: followPolicies(starter.configuration("course"), dependencyPolicies) },
    now: starter.now,
  });
  const events = createEvents({ service: "course", table: eventTypes, sql, bindings, starter });
  const store = sqlCourseStore(sql, events.outbox);
  addStates(events, sql, store);
  const service = createCourseService({
    starter,
    events,
    idempotency: sql,
    store,
    news: sqlCourseNews(sql),
    readProfile: () => readProfile(client),
    now: starter.now,
  });
  return {
    fetch: service.fetch,
    start: () => events.start(),
    sweep: () => events.sweep(),
  };
}
