import { type ConfigurationDocument, readDocument } from "@edgepass/shared/configuration";
import { encodeBase64Url } from "@edgepass/shared/crypto";
import type { ServiceApp } from "@edgepass/shared/http";
import { type SqlDb, uuidv7 } from "@edgepass/shared/sql";
import type { Logger } from "@edgepass/shared/telemetry";
import { configurationKeys, createUpstashRedis } from "@edgepass/shared/redis";
import type * as z from "zod/mini";
import { type Configurations, createConfigurations } from "./configurations.ts";
import { createKeyRetirement, findUnusableKeys, type KnownKeys } from "./keys.ts";
import { createRevocationWriter, type RevocationWriter } from "./revocations.ts";
import { configurationRoutes } from "./routes/configuration.ts";
import { rebuildRoutes } from "./routes/revocations.ts";
import { sqlConfigurationStore } from "./store/configurations.ts";
import { sqlRevocationStore } from "./store/revocations.ts";

export type { RevocationWriter } from "./revocations.ts";
export type { AccessKeyStates, KnownKeys } from "./keys.ts";

/** What a control plane is made of; its host has the rest. */
export interface ControlOptions {
  /**
   * The database with the control plane's tables: its own, or its host's. In a host's database the
   * statements of `@edgepass/control/statements` join the batches of the host.
   */
  readonly sql: SqlDb;
  /** The Redis that the gateways read. */
  readonly upstash: { readonly url: string; readonly token: string };
  /** The schema of the central configuration: the platform's sections, and those of a product. */
  readonly schema: z.ZodMiniType<ConfigurationDocument>;
  /** The keys that a document must leave usable. */
  readonly keys: KnownKeys;
  /** Makes this instance load a version at once: its next request must not use an older one. */
  readonly observeVersion: (version: number) => Promise<void> | undefined;
  /** The actor in history and audit where no person makes a change. */
  readonly actorId: `svc:${string}`;
  /** By how many seconds the clocks of the gateways may differ. */
  readonly leewaySeconds: number;
  /** Where its log lines go: the host's logger. */
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The revocation log, the central configuration and the life of keys, in one database. */
export interface Control {
  /** Writes what the host has logged to Redis. */
  readonly revocations: RevocationWriter;
  /** The API of administrators, and the rebuild that gateways request: for the host's root. */
  readonly routes: readonly ServiceApp[];
  /** Reads the log, for readiness. @throws what the database throws */
  checkStore(): Promise<void>;
  /** Rebuilds an incomplete list, where Redis is available. */
  start(): Promise<void>;
  /** Writes what Redis missed, revokes retired keys, and deletes expired rows. */
  maintain(): Promise<void>;
  /** The part of it that must not wait for a long run; it may run concurrently. */
  maintainUrgent(): Promise<void>;
}

/**
 * A change waits longer for Redis than a check does: its response promises that the change is in
 * force.
 */
const redisTimeoutMs = 1_000;

/** Creates the control plane. Several instances may run on one database. */
export function createControl(options: ControlOptions): Control {
  const { sql, schema, keys, observeVersion, leewaySeconds, log, now } = options;
  const redis = createUpstashRedis({ ...options.upstash, timeoutMs: redisTimeoutMs });
  const store = sqlRevocationStore(sql);
  const configurations = createConfigurations({
    store: sqlConfigurationStore(sql),
    redis,
    read: (document) => readDocument(schema, document),
    findUnusableKeys: (document) => findUnusableKeys(document, keys),
    observeVersion,
    announceRevokedKeys: () => revocations.pushPending(),
    log,
    now,
    newId: () => uuidv7(now()),
  });
  const revocations = createRevocationWriter({
    store,
    redis,
    leewaySeconds,
    log,
    now,
    newName: newRevocationName,
    others: { ...configurations, key: configurationKeys.version },
  });
  const retirement = createKeyRetirement({ ...options, configurations });

  const maintainUrgent = () => pushPending({ revocations, configurations, log });
  return {
    revocations,
    routes: [rebuildRoutes(revocations), configurationRoutes(configurations)],
    async checkStore() {
      await store.unpushed({ now: now(), limit: 1 });
    },
    async start() {
      // While Redis is down the gateway refuses requests, and requests the rebuild itself once
      // Redis is back.
      await revocations.rebuildIfIncomplete()
        .catch((cause) => log.warn("Revocation list is not rebuilt yet", { cause }));
    },
    async maintain() {
      await maintainUrgent();
      await retirement.maintain()
        .catch((cause) => log.warn("Retired keys could not be revoked", { cause }));
      await store.deleteExpired(now());
    },
    maintainUrgent,
  };
}

/** Concurrent pushes are harmless: every instance pushes on its own. */
async function pushPending(
  { revocations, configurations, log }: {
    readonly revocations: RevocationWriter;
    readonly configurations: Configurations;
    readonly log: Logger;
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
