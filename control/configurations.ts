import {
  type ConfigurationDocument,
  type ConfigurationReading,
  fetchVersion,
  listChanges,
  listUnrevoked,
  pushConfiguration,
} from "@edgepass/shared/configuration";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem, type ProblemDetail } from "@edgepass/shared/problem";
import {
  configurationKeys,
  readConfigurationVersion,
  type Redis,
  RedisUnavailable,
} from "@edgepass/shared/redis";
import { VersionConflict } from "@edgepass/shared/sql";
import type {
  ConfigurationChange,
  ConfigurationRow,
  ConfigurationStore,
} from "./store/configurations.ts";

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** A version of the central configuration; version 0 means none. */
export interface Configuration {
  readonly version: number;
  /** A document that was accepted is returned unchanged, even if today's schema would refuse it. */
  readonly document: { [name: string]: Json };
  readonly changed: readonly string[];
  readonly authorId: string | null;
  readonly comment: string | null;
  readonly createdAt: number | null;
}

/** The actor, and the version that the change expects to be current. */
export interface ChangeOf {
  readonly actorId: string;
  readonly ifVersion?: number | undefined;
}

export interface Configurations {
  /** The current version. */
  read(): Promise<Configuration>;
  /** The document of a version, current or not. @throws {Problem} `not_found` */
  find(version: number): Promise<Configuration>;
  /**
   * Stores a document as the next version and makes it current; a document equal to the current one
   * changes nothing.
   *
   * @throws {Problem} `validation_failed` naming what does not fit, `conflict` when the current
   *   version is not `ifVersion`, `store_unavailable` when the version is stored but Redis did not
   *   receive it: a retry, or the scheduled maintenance, continues where it stopped
   */
  change(input: ChangeOf & { document: unknown; comment?: string | undefined }): Promise<
    Configuration
  >;
  /** Makes the document of an older version current again. @throws `not_found`, and as `change` */
  rollBack(input: ChangeOf & { version: number }): Promise<Configuration>;
  /** Versions, newest first. */
  history(page: { before?: number; limit: number }): Promise<ConfigurationChange[]>;
  /** Writes the current version to Redis, unless Redis has it. @throws {RedisUnavailable} */
  pushPending(): Promise<void>;
  /** Whether the version in Redis is older than the one last written to it. */
  isBehind(version: unknown): Promise<boolean>;
  /**
   * Writes the version to an emptied Redis, and returns the keys that exist then.
   *
   * @throws {RedisUnavailable}
   */
  rebuild(): Promise<readonly string[]>;
}

export interface ConfigurationsOptions {
  readonly store: ConfigurationStore;
  readonly redis: Redis;
  readonly read: (document: unknown) => ConfigurationReading;
  /** Why a document would leave no key to sign with; empty when it does not. */
  readonly findUnusableKeys: (document: ConfigurationDocument) => Promise<readonly ProblemDetail[]>;
  /** Makes this instance load the version at once: its next request must not use an older one. */
  readonly observeVersion: (version: number) => Promise<void> | undefined;
  /** Writes revoked keys to Redis. @throws {Problem} `revocation_unavailable` */
  readonly announceRevokedKeys: () => Promise<void>;
  readonly log: Logger;
  readonly now: () => number;
  readonly newId: () => string;
}

/** Longest document in UTF-16 units: it fits a D1 row and a Redis command. */
const maxLength = 524_288;
/** Changed paths that a version lists at most. */
const maxChanged = 100;

/** Verifiers may cache a key set for two days while its issuer is down. */
const revokedKeyTtlMs = 7 * 86_400_000;

const none: Configuration = {
  version: 0,
  document: {},
  changed: [],
  authorId: null,
  comment: null,
  createdAt: null,
};

/** Creates the rules of the central configuration: durable in SQL first, then in Redis. */
export function createConfigurations(options: ConfigurationsOptions): Configurations {
  const { store } = options;
  return {
    async read() {
      return toConfiguration(await store.newest());
    },
    async find(version) {
      return toConfiguration(await requireRow(store, version));
    },
    change: (input) => change(options, input),
    async rollBack({ version, ...by }) {
      const row = await requireRow(store, version);
      const comment = `Back to version ${version}`;
      return await change(options, { ...by, document: JSON.parse(row.document), comment });
    },
    history: (page) => store.list(page),
    pushPending: () => pushPending(options),
    async isBehind(version) {
      const row = await store.newest();
      return row !== undefined && (readConfigurationVersion(version) ?? 0) < row.version;
    },
    async rebuild() {
      const row = await store.newest();
      if (!row) return [];
      await push(options, row);
      return Object.values(configurationKeys);
    },
  };
}

async function change(
  options: ConfigurationsOptions,
  { document: given, comment, ifVersion, actorId }: Parameters<Configurations["change"]>[0],
): Promise<Configuration> {
  const { store } = options;
  const document = requireFit(options.read(given));
  const before = await store.newest();
  const present: ConfigurationDocument = before ? JSON.parse(before.document) : {};
  requireSteps(present, document);
  const unusable = await options.findUnusableKeys(document);
  if (unusable.length > 0) throw refusal(unusable);
  const changed = listChanges(present, document);
  if (changed.length > 0) {
    const after = before?.version ?? 0;
    requireVersion(ifVersion, after);
    await insert(options, { document, changed, comment, actorId, after });
  }
  const row = await store.newest();
  if (revokedKeys(document).length > 0) await options.announceRevokedKeys();
  if (row) await announce(options, row.version);
  return toConfiguration(row);
}

/** Stores a version with its audit row and the keys it revokes. */
async function insert(
  { store, redis, log, now, newId }: ConfigurationsOptions,
  { document, changed, comment, actorId, after }: {
    readonly document: ConfigurationDocument;
    readonly changed: readonly string[];
    readonly comment: string | undefined;
    readonly actorId: string;
    readonly after: number;
  },
): Promise<void> {
  // A database restored from a backup may have a lower version than the one instances run.
  const versionInRedis = await fetchVersion(redis).catch(() => undefined);
  const version = Math.max(after, versionInRedis ?? 0) + 1;
  const at = now();
  const row: ConfigurationRow = {
    version,
    document: JSON.stringify(document),
    changed: changed.slice(0, maxChanged),
    authorId: actorId,
    comment: comment ?? null,
    createdAt: at,
  };
  const what = `configuration ${version}`;
  const expiresAt = at + revokedKeyTtlMs;
  const revoked = revokedKeys(document).map((kid) => ({ kid, expiresAt }));
  const audit = { id: newId(), at, actorId, targetId: "configuration", what };
  await store.insert(row, { after, audit, revoked }).catch(refuseOutdated);
  log.info("Configuration changed", { audit: what, actorId, version, changed: row.changed });
}

/** Also without a change: an earlier request may have made it while Redis was down. */
async function announce(options: ConfigurationsOptions, version: number): Promise<void> {
  try {
    await pushPending(options);
  } catch (cause) {
    if (!(cause instanceof RedisUnavailable)) throw cause;
    const detail = `Version ${version} is stored and not current yet: Redis could not be written`;
    throw new Problem("store_unavailable", { detail, cause });
  }
  await options.observeVersion(version);
}

async function pushPending(options: ConfigurationsOptions): Promise<void> {
  const row = await options.store.findUnpushed();
  if (row) await push(options, row);
}

async function push(
  { store, redis, log }: ConfigurationsOptions,
  { version, document }: ConfigurationRow,
): Promise<void> {
  const inForce = await pushConfiguration(redis, { version, document: JSON.parse(document) });
  if (inForce > version) {
    log.error("Redis has a higher version of the configuration", { version, inForce });
  }
  await store.markPushed(version);
}

async function requireRow(store: ConfigurationStore, version: number): Promise<ConfigurationRow> {
  const row = await store.find(version);
  if (!row) throw new Problem("not_found", { detail: `There is no version ${version}` });
  return row;
}

function revokedKeys({ keys }: ConfigurationDocument): string[] {
  const states = Object.entries(keys?.access ?? {});
  return states.filter(([, state]) => state === "revoked").map(([kid]) => kid);
}

function requireFit(reading: ConfigurationReading): ConfigurationDocument {
  if ("faults" in reading) throw refusal(reading.faults);
  if (JSON.stringify(reading.document).length > maxLength) {
    throw refusal([{ path: "", message: `must have ${maxLength} characters at most` }]);
  }
  return reading.document;
}

/**
 * A revoked key may sign again only after a version that publishes it: verifiers that do not have
 * the new version refuse its signatures.
 */
function requireSteps(before: ConfigurationDocument, after: ConfigurationDocument): void {
  const kinds = ["access", "passport"] as const;
  const faults = kinds.flatMap((kind) =>
    listUnrevoked(before.keys?.[kind], after.keys?.[kind]).map((kid) => ({
      path: `keys.${kind}.${kid}`,
      message: "was revoked and cannot sign in one step: publish it first, then let it sign",
    }))
  );
  if (faults.length > 0) throw refusal(faults);
}

function refusal(faults: readonly ProblemDetail[]): Problem {
  const details = faults.map(({ path, message }) => ({
    path: path === "" ? "document" : `document.${path}`,
    message,
  }));
  return new Problem("validation_failed", { details });
}

function requireVersion(expected: number | undefined, present: number): void {
  if (expected === undefined || expected === present) return;
  throw new Problem("conflict", { detail: `Version ${present} is in force` });
}

function refuseOutdated(cause: unknown): never {
  if (!(cause instanceof VersionConflict)) throw cause;
  throw new Problem("conflict", { detail: "Another version got in force meanwhile", cause });
}

function toConfiguration(row: ConfigurationRow | undefined): Configuration {
  return row ? { ...row, document: JSON.parse(row.document) } : none;
}
