import {
  type ConfigurationDocument,
  type ConfigurationReading,
  fetchVersion,
  listChanges,
  listUnrevoked,
  pushConfiguration,
  readVersion,
} from "@edgepass/shared/configuration";
import type { Logger } from "@edgepass/shared/log";
import { Problem, type ProblemDetail } from "@edgepass/shared/problem";
import { configurationKeys, type Redis, RedisUnavailable } from "@edgepass/shared/redis";
import { VersionConflict } from "@edgepass/shared/sql";
import type { ConfigurationChange, ConfigurationRow, ConfigurationStore } from "./store/mod.ts";

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** A version of the central configuration; version 0 is none at all. */
export interface Configuration {
  readonly version: number;
  /** What was accepted once is answered as it is, whatever the schema says today. */
  readonly document: { [name: string]: Json };
  readonly changed: readonly string[];
  readonly authorId: string | null;
  readonly comment: string | null;
  readonly createdAt: number | null;
}

/** Who changes the configuration, and which version they believe to be in force. */
export interface ChangeOf {
  readonly actorId: string;
  readonly ifVersion?: number | undefined;
}

export interface Configurations {
  /** The version in force. */
  read(): Promise<Configuration>;
  /** What a version says, in force or not. @throws {Problem} `not_found` */
  find(version: number): Promise<Configuration>;
  /**
   * Puts a document in force, as the next version; the one that is in force already stays.
   *
   * @throws {Problem} `validation_failed` naming what does not fit, `conflict` when another version
   *   is in force than `ifVersion`, `store_unavailable` when the version is kept and Redis has not
   *   heard of it: asking again, or the sweep, goes on where it stopped
   */
  change(wanted: ChangeOf & { document: unknown; comment?: string | undefined }): Promise<
    Configuration
  >;
  /** Puts the document of an older version in force again. @throws `not_found`, and as `change` */
  rollBack(wanted: ChangeOf & { version: number }): Promise<Configuration>;
  /** Versions, newest first. */
  history(page: { before?: number; limit: number }): Promise<ConfigurationChange[]>;
  /** Tells Redis of the version in force, unless it has heard of it. @throws {RedisUnavailable} */
  pushPending(): Promise<void>;
  /** Whether what Redis has as its version is older than the one that it was told of. */
  isBehind(version: unknown): Promise<boolean>;
  /** Tells an emptied Redis, and answers the keys it has then. @throws {RedisUnavailable} */
  rebuild(): Promise<readonly string[]>;
}

export interface ConfigurationsOptions {
  readonly store: ConfigurationStore;
  readonly redis: Redis;
  readonly read: (document: unknown) => ConfigurationReading;
  /** Why a document would leave nobody to sign; nothing when it does not. */
  readonly findUnusableKeys: (document: ConfigurationDocument) => Promise<readonly ProblemDetail[]>;
  /** Lets this instance follow at once: its next request may know of no newer version. */
  readonly observeVersion: (version: number) => Promise<void> | undefined;
  /** Tells Redis of keys that are revoked. @throws {Problem} `revocation_unavailable` */
  readonly announceRevokedKeys: () => Promise<void>;
  readonly log: Logger;
  readonly now: () => number;
  readonly newId: () => string;
}

/** Longest document in UTF-16 units: a row of D1 and a command of Redis take it. */
const maxLength = 524_288;
/** Paths that a version keeps of what it changed. */
const maxChanged = 100;

/** Verifiers may keep a set of keys for two days while its issuer is silent. */
const keepRevokedMs = 7 * 86_400_000;

const none: Configuration = {
  version: 0,
  document: {},
  changed: [],
  authorId: null,
  comment: null,
  createdAt: null,
};

/** Makes the rules of the central configuration: durable in SQL first, then in Redis. */
export function createConfigurations(options: ConfigurationsOptions): Configurations {
  const { store, redis, observeVersion, log, now, newId } = options;

  async function push({ version, document }: ConfigurationRow): Promise<void> {
    const inForce = await pushConfiguration(redis, { version, document: JSON.parse(document) });
    if (inForce > version) {
      log.error("Redis has a higher version of the configuration", { version, inForce });
    }
    await store.markPushed(version);
  }

  async function pushPending(): Promise<void> {
    const row = await store.findUnpushed();
    if (row) await push(row);
  }

  /** Also without a change: an earlier request may have made it while Redis was away. */
  async function announce(version: number): Promise<void> {
    try {
      await pushPending();
    } catch (cause) {
      if (!(cause instanceof RedisUnavailable)) throw cause;
      const detail = `Version ${version} is kept and not in force yet: Redis has not heard of it`;
      throw new Problem("store_unavailable", { detail, cause });
    }
    await observeVersion(version);
  }

  /** A database that was restored from a copy may know of less than instances have in force. */
  async function nextVersion(present: number): Promise<number> {
    const told = await fetchVersion(redis).catch(() => undefined);
    return Math.max(present, told ?? 0) + 1;
  }

  async function change(
    { document: given, comment, ifVersion, actorId }: Parameters<Configurations["change"]>[0],
  ): Promise<Configuration> {
    const document = requireFit(options.read(given));
    const before = await store.newest();
    requireSteps(before ? JSON.parse(before.document) : {}, document);
    const unusable = await options.findUnusableKeys(document);
    if (unusable.length > 0) throw refusal(unusable);
    const changed = listChanges(before ? JSON.parse(before.document) : {}, document);
    if (changed.length > 0) {
      const after = before?.version ?? 0;
      requireVersion(ifVersion, after);
      const version = await nextVersion(after);
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
      const revoked = revokedKeys(document).map((kid) => ({ kid, expiresAt: at + keepRevokedMs }));
      const audit = { id: newId(), at, actorId, targetId: "configuration", what };
      await store.insert(row, { after, audit, revoked }).catch(refuseOutdated);
      log.info("Configuration changed", { audit: what, actorId, version, changed: row.changed });
    }
    const row = await store.newest();
    if (revokedKeys(document).length > 0) await options.announceRevokedKeys();
    if (row) await announce(row.version);
    return toConfiguration(row);
  }

  async function requireRow(version: number): Promise<ConfigurationRow> {
    const row = await store.find(version);
    if (!row) throw new Problem("not_found", { detail: `There is no version ${version}` });
    return row;
  }

  return {
    async read() {
      return toConfiguration(await store.newest());
    },
    async find(version) {
      return toConfiguration(await requireRow(version));
    },
    change,
    async rollBack({ version, ...by }) {
      const row = await requireRow(version);
      const comment = `Back to version ${version}`;
      return await change({ ...by, document: JSON.parse(row.document), comment });
    },
    history: (page) => store.list(page),
    pushPending,
    async isBehind(version) {
      const row = await store.newest();
      return row !== undefined && (readVersion(version) ?? 0) < row.version;
    },
    async rebuild() {
      const row = await store.newest();
      if (!row) return [];
      await push(row);
      return Object.values(configurationKeys);
    },
  };
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
 * A key that was revoked signs again only after a version in which it is published: verifiers that
 * have not heard of the new version refuse what it signs.
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
