import type { RevocationLevel, RevocationPosition } from "@edgepass/shared/redis";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { and, asc, desc, eq, gt, lt, lte, max, min, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import {
  audit,
  type AuditEntry,
  auditRow,
  logRevocation,
  type NewRevocation,
  revocationLog,
  revocations,
} from "./statements.ts";

/** A row of the durable log. */
export interface RevocationRow {
  readonly level: RevocationLevel;
  readonly id: string;
  /** 1, or for a subject the lowest `uv` that is still valid. */
  readonly value: number;
  readonly expiresAt: number;
  /** Its position in the log; a row that is logged again moves to the end. */
  readonly position: number;
}

/** The end of the log and its unpushed rows, read at one moment. */
export interface UnpushedRows {
  readonly log: RevocationPosition;
  /** Unexpired rows that may be missing in Redis, in the order of their positions. */
  readonly rows: readonly RevocationRow[];
  /**
   * The highest position of the rows below them, all of which Redis has. Not the first row's position
   * less one: a row that is logged again leaves its old position vacant, and two parallel logouts
   * would then look like a gap in the list and rebuild it.
   */
  readonly pushedUpTo: number;
}

export interface RevocationStore {
  /** The end of the log. */
  readLog(): Promise<RevocationPosition>;
  /** Gives the log a new identity, unless another instance did. */
  renameLog(names: { from: string; to: string }): Promise<void>;
  /** The row, if Redis does not have it yet. */
  findUnpushed(level: RevocationLevel, id: string): Promise<RevocationRow | undefined>;
  /** The first rows that Redis does not have yet. */
  unpushed(page: { now: number; limit: number }): Promise<UnpushedRows>;
  /** All unexpired rows in the order of their keys, after `after`. */
  list(page: { now: number; after?: RevocationRow | undefined; limit: number }): Promise<
    RevocationRow[]
  >;
  /** Records that Redis has these rows; one that changed meanwhile stays unpushed. */
  markPushed(rows: readonly RevocationRow[]): Promise<void>;
  /** Deletes rows that no token needs any more. */
  deleteExpired(now: number): Promise<void>;
}

/** The durable log in SQL. */
export function sqlRevocationStore(sqlDb: SqlDb): RevocationStore {
  const db = orm(sqlDb);
  const { level, id, value, expiresAt, pushed, position } = revocations;
  const columns = { level, id, value, expiresAt, position };
  const selectLog = () =>
    db.select({ identity: revocationLog.identity, position: revocationLog.position })
      .from(revocationLog);
  return {
    async readLog() {
      return requireLog(await selectLog());
    },
    async renameLog({ from, to }) {
      await db.update(revocationLog).set({ identity: to }).where(eq(revocationLog.identity, from));
    },
    async findUnpushed(wantedLevel, wantedId) {
      const rows = await db.select(columns).from(revocations)
        .where(and(eq(level, wantedLevel), eq(id, wantedId), eq(pushed, false)));
      return rows[0];
    },
    async unpushed({ now, limit }) {
      const isUnpushed = and(eq(pushed, false), gt(expiresAt, now));
      const first = db.select({ position: min(position) }).from(revocations).where(isUnpushed);
      const [log, rows, [below]] = await db.batch([
        selectLog(),
        db.select(columns).from(revocations).where(isUnpushed).orderBy(asc(position)).limit(limit),
        db.select({ position: max(position) }).from(revocations).where(sql`${position} < ${first}`),
      ]);
      const end = requireLog(log);
      return { log: end, rows, pushedUpTo: rows.length > 0 ? below?.position ?? 0 : end.position };
    },
    async list({ now, after, limit }) {
      return await db.select(columns).from(revocations).where(and(
        gt(expiresAt, now),
        after === undefined ? undefined : sql`(${level}, ${id}) > (${after.level}, ${after.id})`,
      )).orderBy(asc(level), asc(id)).limit(limit);
    },
    async markPushed(rows) {
      const [first, ...others] = rows.map((row): BatchItem<"sqlite"> =>
        db.update(revocations).set({ pushed: true }).where(and(
          eq(level, row.level),
          eq(id, row.id),
          eq(value, row.value),
          eq(expiresAt, row.expiresAt),
          eq(position, row.position),
        ))
      );
      if (first) await db.batch([first, ...others]);
    },
    async deleteExpired(now) {
      await db.delete(revocations).where(lte(expiresAt, now));
    },
  };
}

/** A migration inserts the row, and nothing deletes it. */
function requireLog([log]: readonly RevocationPosition[]): RevocationPosition {
  if (!log) throw new TypeError("Cannot read how far the revocation log has come: no row is there");
  return log;
}

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
