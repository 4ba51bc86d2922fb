import { and, eq, gt, sql } from "drizzle-orm";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import type { Item } from "./statements.ts";
import { accounts, knownNetworks, loginAttempts } from "./tables.ts";

/** One more attempt under a key, with a window of its own. */
export interface LoginAttempt {
  readonly key: string;
  readonly windowMs: number;
}

/** The attempts in a window, this one included, and when the window ends. */
export interface LoginAttemptCount {
  readonly count: number;
  readonly expiresAt: number;
}

export interface LoginAttemptStore {
  /**
   * Counts an attempt under every key in one batch, so that parallel attempts cannot pass together.
   */
  count(attempt: readonly LoginAttempt[], now: number): Promise<LoginAttemptCount[]>;
  /** Deletes the counts of some keys, and takes one attempt back from others. */
  forgive(keys: { reset: readonly string[]; takeBack: readonly string[] }): Promise<void>;
  /** Whether the account of an address logged in from a network before. */
  isKnownNetwork(email: string, network: string): Promise<boolean>;
}

/** Attempt counters in SQL: one row for each key and window. */
export function sqlLoginAttemptStore(sqlDb: SqlDb): LoginAttemptStore {
  const db = orm(sqlDb);
  const countOne = ({ key, windowMs }: LoginAttempt, now: number) =>
    db.insert(loginAttempts).values({ key, count: 1, expiresAt: now + windowMs })
      .onConflictDoUpdate({
        target: loginAttempts.key,
        set: {
          count:
            sql`CASE WHEN ${loginAttempts.expiresAt} <= ${now} THEN 1 ELSE ${loginAttempts.count} + 1 END`,
          expiresAt: sql`CASE WHEN ${loginAttempts.expiresAt} <= ${now} THEN ${now + windowMs}
          ELSE ${loginAttempts.expiresAt} END`,
        },
      }).returning({ count: loginAttempts.count, expiresAt: loginAttempts.expiresAt });

  return {
    async count(all, now) {
      const [first, ...others] = all.map((attempt) => countOne(attempt, now));
      if (!first) return [];
      const results = await db.batch([first, ...others]);
      return results.flat();
    },
    async forgive({ reset, takeBack }) {
      const [first, ...others] = [
        ...reset.map((key): Item => db.delete(loginAttempts).where(eq(loginAttempts.key, key))),
        ...takeBack.map((key): Item =>
          db.update(loginAttempts).set({ count: sql`${loginAttempts.count} - 1` })
            .where(and(eq(loginAttempts.key, key), gt(loginAttempts.count, 0)))
        ),
      ];
      if (first) await db.batch([first, ...others]);
    },
    async isKnownNetwork(email, network) {
      const rows = await db.select({ id: accounts.id }).from(accounts)
        .innerJoin(knownNetworks, eq(knownNetworks.accountId, accounts.id))
        .where(and(eq(accounts.email, email), eq(knownNetworks.network, network)));
      return rows.length > 0;
    },
  };
}
