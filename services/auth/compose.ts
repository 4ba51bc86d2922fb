import { eventTypes } from "@edgepass/contracts";
import { configurationSchema, serviceSettings } from "@edgepass/contracts/configuration";
import {
  type Application,
  type Bindings,
  ConfigError,
  readConfig,
  readDocument,
  readOwn,
} from "@edgepass/shared/configuration";
import { encodeBase64Url, requireDistinctSecrets } from "@edgepass/shared/crypto";
import { readSqlDb, uuidv7 } from "@edgepass/shared/sql";
import { createEvents } from "@edgepass/shared/events";
import { createServiceRuntime, type ServiceRuntime } from "@edgepass/shared/http";
import type { Logger } from "@edgepass/shared/telemetry";
import { passportRingSetting } from "@edgepass/shared/passport";
import { configurationKeys, createUpstashRedis } from "@edgepass/shared/redis";
import { cookieNames } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import { AuthConfig } from "./config.ts";
import { type Configurations, createConfigurations } from "./configurations.ts";
import {
  type AccessTokenKeyRing,
  type AccessTokenKeys,
  chooseAccessTokenKeys,
  createAccessTokenKeyRing,
  type ImportedKeys,
} from "./keys.ts";
import { createKeyRetirement, type KeyRetirement } from "./key_retirement.ts";
import { type AuthService, createAuthService } from "./mod.ts";
import { createPasswordHasher, type PasswordHasher } from "./passwords/hasher.ts";
import { importRefreshTokenKey } from "./refresh_tokens.ts";
import { createRevocationWriter, type RevocationWriter } from "./revocations.ts";
import { type AuthStore, sqlAuthStore } from "./store/mod.ts";
import { addReconciliation } from "./reconciliation.ts";
import { findUnusableKeys } from "./usable_keys.ts";

/**
 * A change waits longer for Redis than a check does: its response promises that the change is in
 * force.
 */
const redisTimeoutMs = 1_000;

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
  const redis = createUpstashRedis({
    url: config.UPSTASH_REDIS_REST_URL,
    token: config.UPSTASH_REDIS_REST_TOKEN,
    timeoutMs: redisTimeoutMs,
  });
  const live = runtime.configuration("auth");
  const log = runtime.createLogger("auth");
  const ring = createAccessTokenKeyRing(config.ACCESS_TOKEN_KEYS, config.ACCESS_TOKEN_KEYS_RELOAD);
  const configurations = createConfigurations({
    store: store.configurations,
    redis,
    read: (document) => readDocument(configurationSchema, document),
    findUnusableKeys: (document) => findUnusableKeys(document, { access: ring, passport }),
    observeVersion: live.observeVersion,
    announceRevokedKeys: () => revocations.pushPending(),
    log,
    now: runtime.now,
    newId: () => uuidv7(runtime.now()),
  });
  const revocations = createRevocationWriter({
    store: store.revocations,
    redis,
    leewaySeconds: config.LEEWAY_SECONDS,
    log,
    now: runtime.now,
    newName: newRevocationName,
    others: { ...configurations, key: configurationKeys.version },
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
  const retirement = createKeyRetirement({
    configurations,
    leewaySeconds: config.LEEWAY_SECONDS,
    now: runtime.now,
    log,
  });
  const service = createAuthService({
    runtime,
    idempotency: sql,
    events,
    store,
    revocations,
    configurations,
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
      await start({ keys, service, revocations, log });
      await events.start();
      await live.ensureLoaded();
    },
    maintain: () =>
      maintain({
        store,
        revocations,
        configurations,
        events,
        reload,
        retirement,
        log,
        now: runtime.now,
      }),
    maintainUrgent: () => pushPending({ revocations, configurations, log }),
  };
}

async function start(
  { keys, service, revocations, log }: {
    keys: () => Promise<AccessTokenKeys>;
    service: AuthService;
    revocations: RevocationWriter;
    log: Logger;
  },
): Promise<void> {
  await keys();
  await service.ensureAdministrator();
  // While Redis is down the gateway refuses requests, and requests the rebuild itself once Redis is
  // back.
  await revocations.rebuildIfIncomplete()
    .catch((cause) => log.warn("Revocation list is not filled yet", { cause }));
}

/** Pushes twice at once are harmless: every instance pushes on its own. */
async function pushPending(
  { revocations, configurations, log }: {
    revocations: RevocationWriter;
    configurations: Configurations;
    log: Logger;
  },
): Promise<void> {
  await revocations.pushPending()
    .catch((cause) => log.warn("Some revocations are not in Redis yet", { cause }));
  await configurations.pushPending()
    .catch((cause) => log.warn("The configuration is not in Redis yet", { cause }));
  // A gateway that is new, or the only one, has seen less than was lost and cannot detect the loss.
  await revocations.rebuildIfIncomplete()
    .catch((cause) => log.warn("Revocation list may lack entries", { cause }));
}

/** 128 random bits. */
function newRevocationName(): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(16)));
}

async function maintain(
  { store, revocations, configurations, events, reload, retirement, log, now }: {
    store: AuthStore;
    revocations: RevocationWriter;
    configurations: Configurations;
    events: { maintain(): Promise<void> };
    reload: () => Promise<void>;
    retirement: KeyRetirement;
    log: Logger;
    now: () => number;
  },
): Promise<void> {
  await pushPending({ revocations, configurations, log });
  await reload();
  await retirement.maintain()
    .catch((cause) => log.warn("Retired keys could not be looked after", { cause }));
  const at = now();
  await store.revocations.deleteExpired({
    now: at,
    networksBefore: at - networkDays * dayMs,
    endedBefore: at - endedLoginDays * dayMs,
  });
  // Last, because a long backlog takes time; `maintainUrgent` does not wait for it.
  await events.maintain();
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
