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
import { readCourse } from "./courses.ts";
import { readOtherExports } from "./export.ts";
import { createEnrollmentService } from "./mod.ts";
import { sqlEnrollmentProjection } from "./projections.ts";
import { sqlEnrollmentStore } from "./store.ts";
import { addReconciliation } from "./reconciliation.ts";

const Config = z.object({
  ENROLLMENT_DB: sqlSource,
  ENROLLMENT_DB_TOKEN: z.optional(z.string()),
  AUTH: z.optional(upstreamSetting),
  USER: z.optional(upstreamSetting),
  COURSE: z.optional(upstreamSetting),
});

/**
 * Wires the enrollment service from bindings; `local` services answer wherever no binding names one.
 *
 * Settings: `ENROLLMENT_DB` (`ENROLLMENT_DB_TOKEN` for libSQL), `AUTH`, `USER`, `COURSE`, and those
 * of `createServiceRuntime` and `createEvents`. `maintain` publishes what crashes left.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeEnrollment(
  bindings: Bindings,
  local: Readonly<Partial<Record<"AUTH" | "USER" | "COURSE", Upstream>>> = {},
): Application {
  const { ENROLLMENT_DB, ENROLLMENT_DB_TOKEN, ...places } = readConfig(Config, bindings);
  const place = (name: "AUTH" | "USER" | "COURSE") =>
    placeUpstream(name, places[name], local[name]);
  const services = { auth: place("AUTH"), user: place("USER"), course: place("COURSE") };
  const runtime = createServiceRuntime(bindings);
  const sql = readSqlDb(ENROLLMENT_DB, ENROLLMENT_DB_TOKEN);
  const client = createClient({
    services,
    resilience: {
      policies: livePolicies(runtime.configuration("enrollment"), dependencyPolicies),
    },
    now: runtime.now,
  });
  const events = createEvents({ service: "enrollment", table: eventTypes, sql, bindings, runtime });
  const store = sqlEnrollmentStore(sql, events.outbox);
  addReconciliation(events, sql, store);
  const service = createEnrollmentService({
    runtime,
    events,
    idempotency: sql,
    store,
    projection: sqlEnrollmentProjection(sql, events.outbox),
    readCourse: (id) => readCourse(client, id),
    readOthers: () => readOtherExports(client),
    now: runtime.now,
  });
  return {
    fetch: service.fetch,
    start: () => events.start(),
    maintain: () => events.maintain(),
  };
}
