import { sql as text } from "drizzle-orm";
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import { requireOneChange } from "./guard.ts";
import type { Row, SqlDb } from "./statement.ts";

/** Drizzle on the port. It has no `transaction`: there is none but a batch. */
export type Orm = Omit<SqliteRemoteDatabase, "transaction"> & {
  /** For a batch: fails it with `VersionConflict` unless the item before changed one row. */
  requireOneChange(): ReturnType<SqliteRemoteDatabase["run"]>;
};

/**
 * Puts drizzle-orm on a database.
 *
 * Errors are the port's own (`UniqueViolation`, `VersionConflict`, …), not drizzle's, whose
 * message would carry every parameter into the log. `get()` and `all()` on raw SQL text give rows
 * as arrays.
 */
export function orm(sql: SqlDb): Orm {
  const db = drizzle(
    async (query, params, method) => inForm(await sql.run({ sql: query, params }), method),
    async (items) => {
      const results = await sql.batch(items);
      return results.map((rows, index) => inForm(rows, items[index]?.method));
    },
  );
  preserveErrors(db);
  return Object.assign(db, {
    requireOneChange: () => db.run(text.raw(requireOneChange().sql)),
    transaction() {
      throw new TypeError("Cannot begin a transaction: put the statements in one batch");
    },
  });
}

/** Drizzle wants one row for `get`, undefined for none, and a list for everything else. */
function inForm(rows: readonly Row[], method: string | undefined): { rows: unknown[] } {
  return { rows: (method === "get" ? rows[0] : rows) as unknown[] };
}

interface Session {
  prepareQuery(...args: unknown[]): { queryWithCache: unknown };
}

/**
 * Has prepared queries throw what the port threw.
 *
 * Drizzle wraps in `queryWithCache`, which here is nothing else, as no cache is given. Both names
 * are drizzle's internals at the pinned version; the contract suite fails when they move.
 */
function preserveErrors(db: SqliteRemoteDatabase): void {
  const { session } = db as unknown as { session: Session };
  const prepareQuery = session.prepareQuery.bind(session);
  session.prepareQuery = (...args) =>
    Object.assign(prepareQuery(...args), {
      queryWithCache: (_sql: string, _params: unknown[], query: () => Promise<unknown>) => query(),
    });
}
