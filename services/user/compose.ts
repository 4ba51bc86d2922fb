import type { Application } from "@edgepass/shared/application";
import { type Bindings, readConfig } from "@edgepass/shared/config";
import { createClient, createStarter } from "@edgepass/shared/http";
import { readSqlDb, sqlSource } from "@edgepass/shared/sql/config";
import { placeUpstream, type Upstream, upstreamSetting } from "@edgepass/shared/upstream";
import * as z from "zod/mini";
import { authAccounts } from "./accounts.ts";
import { createUserService } from "./mod.ts";
import { sqlProfileStore } from "./store.ts";

const Config = z.object({
  USER_DB: sqlSource,
  USER_DB_TOKEN: z.optional(z.string()),
  AUTH: z.optional(upstreamSetting),
});

/**
 * Wires the user service from bindings; `local` services answer wherever no binding names one.
 *
 * Settings: `USER_DB` (`USER_DB_TOKEN` for libSQL), `AUTH`, and those of `createStarter`.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeUser(
  bindings: Bindings,
  local: { readonly AUTH?: Upstream } = {},
): Application {
  const { USER_DB, USER_DB_TOKEN, AUTH } = readConfig(Config, bindings);
  const auth = placeUpstream("AUTH", AUTH, local.AUTH);
  const starter = createStarter(bindings);
  const client = createClient({ services: { auth }, now: starter.now });
  return createUserService({
    starter,
    store: sqlProfileStore(readSqlDb(USER_DB, USER_DB_TOKEN)),
    accounts: authAccounts(client),
    now: starter.now,
  });
}
