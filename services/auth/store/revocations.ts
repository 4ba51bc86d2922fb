import { and, asc, eq, gt, inArray, lte, or, sql } from "drizzle-orm";
import type { RevocationLevel } from "@edgepass/shared/redis";
import type { SqlDb } from "@edgepass/shared/sql";
import { orm } from "@edgepass/shared/sql/orm";
import type { Item } from "./parts.ts";
import {
  addressClaims,
  guesses,
  knownNetworks,
  logins,
  refreshTokens,
  revocations,
} from "./tables.ts";

/** A row of the durable log. */
export interface RevocationRow {
  readonly level: RevocationLevel;
  readonly id: string;
  /** 1, or for a subject the least `uv` that still counts. */
  readonly value: number;
  readonly expiresAt: number;
}

export interface RevocationStore {
  /** The row Redis has not heard of yet, if there is one. */
  findUnpushed(level: RevocationLevel, id: string): Promise<RevocationRow | undefined>;
  /** Rows Redis has not heard of yet. */
  unpushed(page: { now: number; limit: number }): Promise<RevocationRow[]>;
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
  const { level, id, value, expiresAt, pushed } = revocations;
  const columns = { level, id, value, expiresAt };
  return {
    async findUnpushed(wantedLevel, wantedId) {
      const rows = await db.select(columns).from(revocations)
        .where(and(eq(level, wantedLevel), eq(id, wantedId), eq(pushed, false)));
      return rows[0];
    },
    async unpushed({ now, limit }) {
      return await db.select(columns).from(revocations)
        .where(and(eq(pushed, false), gt(expiresAt, now))).limit(limit);
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
        db.delete(guesses).where(lte(guesses.expiresAt, now)),
        db.delete(addressClaims).where(lte(addressClaims.expiresAt, now)),
        db.delete(knownNetworks).where(lte(knownNetworks.lastLoginAt, networksBefore)),
      ]);
    },
  };
}
