import { desc, eq, lt, lte, sql } from "drizzle-orm";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { type AuditEntry, auditRow, configurations, logRevocation } from "./statements.ts";

/** A version of the central configuration; `document` is JSON. */
export type ConfigurationRow = Omit<typeof configurations.$inferSelect, "pushed">;

/** A version without its document. */
export type ConfigurationChange = Omit<ConfigurationRow, "document">;

/** A revoked key, and when the log deletes the revocation, epoch milliseconds. */
export interface RevokedKey {
  readonly kid: string;
  readonly expiresAt: number;
}

export interface ConfigurationStore {
  /** The current version, undefined before the first. */
  newest(): Promise<ConfigurationRow | undefined>;
  find(version: number): Promise<ConfigurationRow | undefined>;
  /** Versions before `before`, newest first. */
  list(page: { before?: number; limit: number }): Promise<ConfigurationChange[]>;
  /**
   * One batch: the version, the audit row, and the access token keys it revokes.
   *
   * @throws {VersionConflict} when the current version is not `after`; 0 means none
   */
  insert(
    row: ConfigurationRow,
    by: { after: number; audit: AuditEntry; revoked: readonly RevokedKey[] },
  ): Promise<void>;
  /** The current version, unless Redis has it. */
  findUnpushed(): Promise<ConfigurationRow | undefined>;
  /** Records that Redis has a version, which covers all earlier ones. */
  markPushed(version: number): Promise<void>;
}

/** The versions in SQL. */
export function sqlConfigurationStore(sqlDb: SqlDb): ConfigurationStore {
  const db = orm(sqlDb);
  const { pushed, ...columns } = {
    version: configurations.version,
    document: configurations.document,
    changed: configurations.changed,
    authorId: configurations.authorId,
    comment: configurations.comment,
    createdAt: configurations.createdAt,
    pushed: configurations.pushed,
  };
  const { document: _document, ...change } = columns;
  const newestFirst = desc(configurations.version);
  return {
    async newest() {
      return (await db.select(columns).from(configurations).orderBy(newestFirst).limit(1))[0];
    },
    async find(version) {
      return (await db.select(columns).from(configurations)
        .where(eq(configurations.version, version)))[0];
    },
    async list({ before, limit }) {
      return await db.select(change).from(configurations)
        .where(before === undefined ? undefined : lt(configurations.version, before))
        .orderBy(newestFirst).limit(limit);
    },
    async insert(row, { after, audit, revoked }) {
      const { version, document, changed, authorId, comment, createdAt } = row;
      await db.batch([
        db.run(sql`INSERT INTO configurations
          (version, document, changed, author_id, comment, created_at, pushed)
          SELECT ${version}, ${document}, ${JSON.stringify(changed)}, ${authorId}, ${comment},
            ${createdAt}, 0
          WHERE coalesce((SELECT max(version) FROM configurations), 0) = ${after}`),
        db.requireOneChange(),
        auditRow(db, audit),
        ...revoked.map(({ kid: id, expiresAt }) =>
          logRevocation(db, { level: "key", id, expiresAt })
        ),
      ]);
    },
    async findUnpushed() {
      const [row] = await db.select({ ...columns, pushed }).from(configurations)
        .orderBy(newestFirst).limit(1);
      return row && !row.pushed ? row : undefined;
    },
    async markPushed(version) {
      await db.update(configurations).set({ pushed: true })
        .where(lte(configurations.version, version));
    },
  };
}
