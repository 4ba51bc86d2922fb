import type { RevocationLevel } from "@edgepass/shared/redis";
import type { Orm } from "@edgepass/shared/sql";
import { asc, eq, or, type SQL, sql } from "drizzle-orm";
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/**
 * The control plane's tables, in `CONTROL_DB` (`migrations/`) or in the database of its host, whose
 * migrations create the same ones. Times are epoch milliseconds.
 */
export const revocations = sqliteTable("revocations", {
  level: text("level", { enum: ["token", "login", "subject", "key"] }).notNull(),
  id: text("id").notNull(),
  value: integer("value").notNull(),
  expiresAt: integer("expires_at").notNull(),
  pushed: integer("pushed", { mode: "boolean" }).notNull(),
  /** Set by triggers. */
  position: integer("position").notNull(),
}, (table) => [primaryKey({ columns: [table.level, table.id] })]);

/** Identity and end of the log, in one row. */
export const revocationLog = sqliteTable("revocation_log", {
  id: integer("id").primaryKey(),
  identity: text("identity").notNull(),
  position: integer("position").notNull(),
});

/** One row for each change of an administrator. */
export const audit = sqliteTable("audit", {
  id: text("id").primaryKey(),
  at: integer("at").notNull(),
  actorId: text("actor_id").notNull(),
  targetId: text("target_id").notNull(),
  what: text("what").notNull(),
});

/** One row for each version of the central configuration. */
export const configurations = sqliteTable("configurations", {
  version: integer("version").primaryKey(),
  document: text("document").notNull(),
  changed: text("changed", { mode: "json" }).$type<string[]>().notNull(),
  authorId: text("author_id").notNull(),
  comment: text("comment"),
  createdAt: integer("created_at").notNull(),
  pushed: integer("pushed", { mode: "boolean" }).notNull(),
});

/** A revocation, as the log stores it. */
export interface NewRevocation {
  /** What is revoked. */
  readonly level: RevocationLevel;
  /** Its id; ids of other issuers have the issuer's alias and a colon in front. */
  readonly id: string;
  /**
   * Of a subject: the lowest version, or `iat` of other issuers, that is still valid; a number, or
   * an expression over the host's tables that is evaluated in the batch. 1 for everything else.
   */
  readonly value?: number | SQL;
  /** When the log deletes it, epoch milliseconds; not before the last token it concerns expires. */
  readonly expiresAt: number;
}

/** Who changed what. */
export interface AuditEntry {
  /** A UUID of version 7: rows are read in the order of their ids. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The person by the id in Passports, or `svc:<name>`. */
  readonly actorId: string;
  /** Whom or what the change concerns. */
  readonly targetId: string;
  /** The change, in few words and without personal data. */
  readonly what: string;
}

/**
 * The statement that logs a revocation, for the batch of the change that causes it: a change without
 * its revocation would leave tokens valid that its response declares revoked.
 *
 * Value and expiry are only ever raised, whatever the order of two concurrent changes. With a value
 * that is an expression it follows the statement whose result it reads.
 */
export function logRevocation(
  db: Orm,
  { level, id, value = 1, expiresAt }: NewRevocation,
): ReturnType<Orm["run"]> {
  return db.run(sql`INSERT INTO revocations (level, id, value, expires_at, pushed)
    VALUES (${level}, ${id}, ${value}, ${expiresAt}, 0)
    ON CONFLICT (level, id) DO UPDATE SET value = max(value, excluded.value),
      expires_at = max(expires_at, excluded.expires_at), pushed = 0`);
}

/** The statement that audits a change, for the batch of the change. */
export function auditRow(db: Orm, entry: AuditEntry) {
  return db.insert(audit).values(entry);
}

/** The statement that reads what a person changed, and what was changed of theirs, oldest first. */
export function selectAuditOf(db: Orm, personId: string) {
  return db.select().from(audit)
    .where(or(eq(audit.actorId, personId), eq(audit.targetId, personId)))
    .orderBy(asc(audit.id));
}
