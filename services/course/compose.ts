import { eventTypes } from "@edgepass/contracts";
import { dependencyPolicies } from "@edgepass/contracts/dependencies";
import {
  type Application,
  type Bindings,
  livePolicies,
  placeUpstream,
  readConfig,
  type Upstream,
  upstreamSetting,
} from "@edgepass/shared/configuration";
import { createEvents } from "@edgepass/shared/events";
import { createClient, createServiceRuntime } from "@edgepass/shared/http";
import { readSqlDb, sqlSource } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import { createCourseService } from "./mod.ts";
import { sqlCourseProjection } from "./projections.ts";
import { readProfile } from "./profiles.ts";
import { sqlCourseStore } from "./store.ts";
import { addReconciliation } from "./reconciliation.ts";

const Config = z.object({
  COURSE_DB: sqlSource,
  COURSE_DB_TOKEN: z.optional(z.string()),
  USER: z.optional(upstreamSetting),
});

/**
 * Wires the course service from bindings; `local` services answer wherever no binding names one.
 *
 * Settings: `COURSE_DB` (`COURSE_DB_TOKEN` for libSQL), `USER`, and those of `createServiceRuntime` and
 * `createEvents`. `maintain` publishes what crashes left.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeCourse(
  bindings: Bindings,
  local: { readonly USER?: Upstream } = {},
): Application {
  const { COURSE_DB, COURSE_DB_TOKEN, USER } = readConfig(Config, bindings);
  const user = placeUpstream("USER", USER, local.USER);
  const runtime = createServiceRuntime(bindings);
  const sql = readSqlDb(COURSE_DB, COURSE_DB_TOKEN);
  const client = createClient({
    services: { user },
    resilience: { policies: livePolicies(runtime.configuration("course"), dependencyPolicies) },
    now: runtime.now,
  });
  const events = createEvents({ service: "course", table: eventTypes, sql, bindings, runtime });
  const store = sqlCourseStore(sql, events.outbox);
  addReconciliation(events, sql, store);
  const service = createCourseService({
    runtime,
    events,
    idempotency: sql,
    store,
    projection: sqlCourseProjection(sql),
    readProfile: () => readProfile(client),
    now: runtime.now,
  });
  return {
    fetch: service.fetch,
    start: () => events.start(),
    maintain: () => events.maintain(),
  };
}
