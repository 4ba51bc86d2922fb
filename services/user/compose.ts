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
import { authAccounts } from "./accounts.ts";
import { createUserService } from "./mod.ts";
import { sqlProfileStore } from "./store.ts";
import { addReconciliation } from "./reconciliation.ts";

const Config = z.object({
  USER_DB: sqlSource,
  USER_DB_TOKEN: z.optional(z.string()),
  AUTH: z.optional(upstreamSetting),
});

/**
 * Wires the user service from bindings; `local` services answer wherever no binding names one.
 *
 * Settings: `USER_DB` (`USER_DB_TOKEN` for libSQL), `AUTH`, and those of `createServiceRuntime` and
 * `createEvents`. `maintain` publishes what crashes left.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeUser(
  bindings: Bindings,
  local: { readonly AUTH?: Upstream } = {},
): Application {
  const { USER_DB, USER_DB_TOKEN, AUTH } = readConfig(Config, bindings);
  const auth = placeUpstream("AUTH", AUTH, local.AUTH);
  const runtime = createServiceRuntime(bindings);
  const client = createClient({
    services: { auth },
    resilience: { policies: livePolicies(runtime.configuration("user"), dependencyPolicies) },
    now: runtime.now,
  });
  const sql = readSqlDb(USER_DB, USER_DB_TOKEN);
  const events = createEvents({ service: "user", table: eventTypes, sql, bindings, runtime });
  addReconciliation(events, sql);
  const service = createUserService({
    runtime,
    store: sqlProfileStore(sql, events.outbox),
    accounts: authAccounts(client),
    events,
    now: runtime.now,
  });
  return {
    fetch: (request) => service.fetch(request),
    start: () => events.start(),
    maintain: () => events.maintain(),
  };
}
