import { eventTypes } from "@edgepass/contracts";
import type { Application } from "@edgepass/shared/application";
import { type Bindings, readConfig } from "@edgepass/shared/config";
import { createEvents } from "@edgepass/shared/events";
import { createClient, createStarter } from "@edgepass/shared/http";
import { readSqlDb, sqlSource } from "@edgepass/shared/sql/config";
import { placeUpstream, type Upstream, upstreamSetting } from "@edgepass/shared/upstream";
import * as z from "zod/mini";
import { readCourse } from "./courses.ts";
import { createEnrollmentService } from "./mod.ts";
import { sqlEnrollmentNews } from "./news_store.ts";
import { sqlEnrollmentStore } from "./store.ts";

const Config = z.object({
  ENROLLMENT_DB: sqlSource,
  ENROLLMENT_DB_TOKEN: z.optional(z.string()),
  COURSE: z.optional(upstreamSetting),
});

/**
 * Wires the enrollment service from bindings; `local` services answer wherever no binding names one.
 *
 * Settings: `ENROLLMENT_DB` (`ENROLLMENT_DB_TOKEN` for libSQL), `COURSE`, and those of
 * `createStarter` and `createEvents`. `sweep` publishes what crashes left.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeEnrollment(
  bindings: Bindings,
  local: { readonly COURSE?: Upstream } = {},
): Application {
  const { ENROLLMENT_DB, ENROLLMENT_DB_TOKEN, COURSE } = readConfig(Config, bindings);
  const course = placeUpstream("COURSE", COURSE, local.COURSE);
  const starter = createStarter(bindings);
  const sql = readSqlDb(ENROLLMENT_DB, ENROLLMENT_DB_TOKEN);
  const client = createClient({ services: { course }, now: starter.now });
  const events = createEvents({ service: "enrollment", table: eventTypes, sql, bindings, starter });
  const service = createEnrollmentService({
    starter,
    events,
    idempotency: sql,
    store: sqlEnrollmentStore(sql, events.outbox),
    news: sqlEnrollmentNews(sql),
    readCourse: (id) => readCourse(client, id),
    now: starter.now,
  });
  return { fetch: service.fetch, sweep: () => events.sweep() };
}
