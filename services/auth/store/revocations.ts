import { and, asc, eq, gt, inArray, lte, or, sql } from "drizzle-orm";
import type { RevocationLevel, RevocationPosition } from "@edgepass/shared/redis";
import type { SqlDb } from "@edgepass/shared/sql";
import { orm } from "@edgepass/shared/sql/orm";
import type { Item } from "./parts.ts";
import {
  addressClaims,
  knownNetworks,
  loginAttempts,
  logins,
  refreshTokens,
  revocationLog,
  revocations,
} from "./tables.ts";

/** A row of the durable log. */
export interface RevocationRow {
  readonly level: RevocationLevel;
  readonly id: string;
  /** 1, or for a subject the least `uv` that still counts. */
  readonly value: number;
  readonly expiresAt: number;
  /** Where in the log it is; a row that is logged again moves to the end. */
  readonly position: number;
}

/** How far the log has come, and what of it is not pushed, as of one moment. */
export interface UnpushedRows {
  readonly log: RevocationPosition;
  /** Unexpired rows that Redis may not have, in the order of their positions. */
  readonly rows: readonly RevocationRow[];
}

export interface RevocationStore {
  /** How far the log has come. */
  readLog(): Promise<RevocationPosition>;
  /** Gives the log another identity, unless another instance did. */
  renameLog(names: { from: string; to: string }): Promise<void>;
  /** The row Redis has not heard of yet, if there is one. */
  findUnpushed(level: RevocationLevel, id: string): Promise<RevocationRow | undefined>;
  /** The first rows Redis has not heard of yet. */
  unpushed(page: { now: number; limit: number }): Promise<UnpushedRows>;
  /** All unexpired rows in the order of their keys, from behind `after` on. */
  list(page: { now: number; after?: RevocationRow | undefined; limit: number }): Promise<
    RevocationRow[]
  >;
  /** Remembers that Redis knows these rows; one that changed meanwhile stays unpushed. */
  markPushed(rows: readonly RevocationRow[]): Promise<void>;
  /** Deletes what has expired, here and in the other tables. */
  deleteExpired(times: { now: number; networksBefore: number; endedBefore: number }): Promise<void>;
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
      const [log, rows] = await db.batch([
        selectLog(),
        db.select(columns).from(revocations)
          .where(and(eq(pushed, false), gt(expiresAt, now))).orderBy(asc(position)).limit(limit),
      ]);
      return { log: requireLog(log), rows };
    },
    async list({ now, after, limit }) {
      return await db.select(columns).from(revocations).where(and(
        gt(expiresAt, now),
        after === undefined ? undefined : sql`(${level}, ${id}) > (${after.level}, ${after.id})`,
      )).orderBy(asc(level), asc(id)).limit(limit);
    },
    async markPushed(rows) {
      const [first, ...others] = rows.map((row): Item =>
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
    async deleteExpired({ now, networksBefore, endedBefore }) {
      const over = db.select({ sid: logins.sid }).from(logins)
        .where(or(lte(logins.expiresAt, now), lte(logins.endedAt, endedBefore)));
      await db.batch([
        db.delete(revocations).where(lte(expiresAt, now)),
        // Not every server of SQLite keeps foreign keys, so their cascade is not relied upon.
        db.delete(refreshTokens).where(inArray(refreshTokens.sid, over)),
        db.delete(logins).where(inArray(logins.sid, over)),
        db.delete(loginAttempts).where(lte(loginAttempts.expiresAt, now)),
        db.delete(addressClaims).where(lte(addressClaims.expiresAt, now)),
        db.delete(knownNetworks).where(lte(knownNetworks.lastLoginAt, networksBefore)),
      ]);
    },
  };
}

/** A migration puts the row there, and nothing deletes it. */
function requireLog([log]: readonly RevocationPosition[]): RevocationPosition {
  if (!log) throw new TypeError("Cannot read how far the revocation log has come: no row is there");
  return log;
}
