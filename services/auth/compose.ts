import { eventTypes } from "@edgepass/contracts";
import { configurationSchema, serviceSettings } from "@edgepass/contracts/configuration";
import { createControl } from "@edgepass/control";
import type { Application } from "@edgepass/shared/application";
import { type Bindings, ConfigError, readConfig } from "@edgepass/shared/config";
import { readOwn } from "@edgepass/shared/configuration";
import { requireDistinctSecrets } from "@edgepass/shared/crypto";
import { createEvents } from "@edgepass/shared/events";
import { createServiceRuntime, type ServiceRuntime } from "@edgepass/shared/http";
import { passportRingSetting } from "@edgepass/shared/passport";
import { readSqlDb } from "@edgepass/shared/sql/config";
import { cookieNames } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import { AuthConfig } from "./config.ts";
import {
  type AccessTokenKeyRing,
  type AccessTokenKeys,
  canSignBy,
  chooseAccessTokenKeys,
  createAccessTokenKeyRing,
  type ImportedKeys,
} from "./keys.ts";
import { createAuthService } from "./mod.ts";
import { createPasswordHasher, type PasswordHasher } from "./passwords/hasher.ts";
import { importRefreshTokenKey } from "./refresh_tokens.ts";
import { sqlAuthStore } from "./store/mod.ts";
import { addReconciliation } from "./reconciliation.ts";

const PassportKeys = z.object({ PASSPORT_KEYS: passportRingSetting });
type PassportKeys = z.output<typeof PassportKeys>;

const dayMs = 86_400_000;
const networkDays = 180;
const endedLoginDays = 1;

export interface AuthEffects {
  readonly runtime?: ServiceRuntime;
  readonly passwords?: PasswordHasher;
  /** Processors that hashing may occupy; without it a full hasher refuses at once. */
  readonly hashingProcessors?: number | undefined;
}

/**
 * Wires the identity provider from bindings.
 *
 * `start` checks the keys, creates the first administrator and rebuilds an incomplete revocation
 * list in Redis; `maintain` repeats revocations that Redis missed, rebuilds the list after Redis
 * was restored to an older state, deletes expired rows and publishes events that a crash left
 * behind.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed
 */
export function composeAuth(
  bindings: Bindings,
  {
    runtime = createServiceRuntime(bindings),
    hashingProcessors: processors,
    passwords = createPasswordHasher({ processors }),
  }: AuthEffects = {},
): Application {
  const config = readConfig(AuthConfig, bindings);
  const { PASSPORT_KEYS: passport } = readConfig(PassportKeys, bindings);
  requireOwnSecrets(config, passport);
  const sql = readSqlDb(config.AUTH_DB, config.AUTH_DB_TOKEN);
  const events = createEvents({ service: "auth", table: eventTypes, sql, bindings, runtime });
  addReconciliation(events, sql, (id) => service.closeAccount(id));
  const store = sqlAuthStore(sql, events.outbox);
  const live = runtime.configuration("auth");
  const log = runtime.createLogger("auth");
  const ring = createAccessTokenKeyRing(config.ACCESS_TOKEN_KEYS, config.ACCESS_TOKEN_KEYS_RELOAD);
  const control = createControl({
    sql,
    upstash: { url: config.UPSTASH_REDIS_REST_URL, token: config.UPSTASH_REDIS_REST_TOKEN },
    schema: configurationSchema,
    keys: { canSignAccess: (states) => canSignBy(ring, states), passport },
    observeVersion: live.observeVersion,
    actorId: "svc:auth",
    leewaySeconds: config.LEEWAY_SECONDS,
    log,
    now: runtime.now,
  });
  const reload = () =>
    ring.reload().catch(() => log.error("Access-token keys could not be read again"));
  live.prepare(({ keys: { access = {} } }) => {
    const configuredKids = new Set(ring.entries().keys.map(({ kid }) => kid));
    return Object.keys(access).every((kid) => configuredKids.has(kid)) ? undefined : reload();
  });
  // Checked for each version too: a version by which no key signs must not take effect.
  live.select(({ keys }) => void chooseAccessTokenKeys(ring.entries(), keys.access));
  async function keys(): Promise<AccessTokenKeys> {
    const imported = await importKeys(ring);
    return chooseAccessTokenKeys(ring.entries(), live.current().values.keys.access)(imported);
  }
  const service = createAuthService({
    runtime,
    idempotency: sql,
    events,
    store,
    control,
    keys,
    refreshTokenKey: lazily(() => importRefreshTokenKey(config.REFRESH_TOKEN_KEY)),
    issuer: config.ISSUER ?? config.PUBLIC_ORIGIN,
    audience: config.AUDIENCE ?? config.PUBLIC_ORIGIN,
    cookieNames: cookieNames(config.PUBLIC_ORIGIN),
    lifetimes: live.select(({ own }) =>
      readOwn(serviceSettings.auth, own, {
        accessTokenTtlSeconds: config.ACCESS_TOKEN_TTL_SECONDS,
        refreshTokenTtlSeconds: config.REFRESH_TOKEN_TTL_SECONDS,
      })
    ),
    sessionMaxSeconds: config.SESSION_MAX_SECONDS,
    ...administratorOf(config),
    passwords,
  });
  return {
    fetch: (request) => service.app.fetch(request),
    async start() {
      await keys();
      await service.ensureAdministrator();
      await control.start();
      await events.start();
      await live.ensureLoaded();
    },
    async maintain() {
      await reload();
      await control.maintain();
      const now = runtime.now();
      await store.logins.deleteExpired({
        now,
        networksBefore: now - networkDays * dayMs,
        endedBefore: now - endedLoginDays * dayMs,
      });
      // Last, because a long backlog takes time; `maintainUrgent` does not wait for it.
      await events.maintain();
    },
    maintainUrgent: control.maintainUrgent,
  };
}

/** Auth holds secrets of every kind, so a secret that is used twice can be detected here. */
function requireOwnSecrets(config: AuthConfig, passport: PassportKeys["PASSPORT_KEYS"]): void {
  try {
    requireDistinctSecrets({
      PASSPORT_KEYS: passport.map(({ secret }) => secret),
      REFRESH_TOKEN_KEY: [config.REFRESH_TOKEN_KEY],
      UPSTASH_REDIS_REST_TOKEN: [config.UPSTASH_REDIS_REST_TOKEN],
    });
  } catch (error) {
    throw error instanceof TypeError ? new ConfigError(error.message) : error;
  }
}

async function importKeys(ring: AccessTokenKeyRing): Promise<ImportedKeys> {
  try {
    return await ring.imported();
  } catch (error) {
    throw error instanceof TypeError ? new ConfigError(error.message) : error;
  }
}

function administratorOf({ ADMIN_EMAIL: email, ADMIN_PASSWORD: password }: AuthConfig) {
  return email === undefined || password === undefined
    ? {}
    : { administrator: { email, password } };
}

/** Importing a key awaits no I/O of another request, so requests may share the promise. */
function lazily<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => made ??= make();
}
