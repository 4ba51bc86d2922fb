import { and, desc, eq, gt, lt, sql } from "drizzle-orm";
import type { RevocationLevel } from "@edgepass/shared/redis";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { type AuditEntry, auditRow, logRevocation, type NewRevocation } from "./statements.ts";
import { audit, revocations } from "./tables.ts";

/** A revocation with its last audit row, if an administrator made it. */
export interface LoggedRevocation {
  readonly level: RevocationLevel;
  readonly id: string;
  readonly value: number;
  readonly expiresAt: number;
  readonly position: number;
  readonly at: number | null;
  readonly actorId: string | null;
  readonly what: string | null;
}

export interface IssuerRevocationStore {
  /** One batch: the revocation, and who made it. */
  insert(revocation: NewRevocation & { readonly value: number }, audit: AuditEntry): Promise<void>;
  find(level: RevocationLevel, id: string): Promise<LoggedRevocation | undefined>;
  /** Unexpired revocations that were logged before the position `before`, newest first. */
  list(page: { now: number; before?: number; limit: number }): Promise<LoggedRevocation[]>;
  /** Changes with ids below `before`, newest first. */
  listAudit(page: { before?: string; limit: number }): Promise<AuditEntry[]>;
}

/** What an audit row about a revocation names as its target. */
export function targetOf(level: RevocationLevel, id: string): string {
  return `${level} ${id}`;
}

/** Revocations that administrators make, in SQL. */
export function sqlIssuerRevocationStore(sqlDb: SqlDb): IssuerRevocationStore {
  const db = orm(sqlDb);
  const { level, id, value, expiresAt, position } = revocations;
  const select = () =>
    db.select({
      level,
      id,
      value,
      expiresAt,
      position,
      at: audit.at,
      actorId: audit.actorId,
      what: audit.what,
    }).from(revocations).leftJoin(
      audit,
      sql`${audit.id} = (SELECT max(last.id) FROM audit AS last
        WHERE last.target_id = ${level} || ' ' || ${id})`,
    );
  return {
    async insert(revocation, entry) {
      await db.batch([logRevocation(db, revocation), auditRow(db, entry)]);
    },
    async find(wantedLevel, wantedId) {
      return (await select().where(and(eq(level, wantedLevel), eq(id, wantedId))))[0];
    },
    async list({ now, before, limit }) {
      return await select().where(and(
        gt(expiresAt, now),
        before === undefined ? undefined : lt(position, before),
      )).orderBy(desc(position)).limit(limit);
    },
    async listAudit({ before, limit }) {
      return await db.select().from(audit)
        .where(before === undefined ? undefined : lt(audit.id, before))
        .orderBy(desc(audit.id)).limit(limit);
    },
  };
}
