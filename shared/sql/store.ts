import { sql as text } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import { requireOneChange, type Row, type SqlDb } from "./statement.ts";

/** Drizzle on a `SqlDb`. It has no `transaction`: a batch is the only transaction. */
export type Orm = Omit<SqliteRemoteDatabase, "transaction"> & {
  /** For a batch: fails it with `VersionConflict` unless the previous item changed one row. */
  requireOneChange(): ReturnType<SqliteRemoteDatabase["run"]>;
};

/** A statement for a batch of drizzle-orm. */
export type Change = BatchItem<"sqlite">;
/** Statements for a batch of drizzle-orm. */
export type Changes = readonly Change[];
/** Statements that can be a batch of their own. */
export type SomeChanges = readonly [Change, ...Change[]];

/**
 * Creates drizzle-orm on a database.
 *
 * Errors are those of `statement.ts` (`UniqueViolation`, `VersionConflict`, …). Drizzle's own messages
 * would write every parameter to the log. `get()` and `all()` on raw SQL text return rows as
 * arrays.
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

/** Drizzle expects one row or undefined for `get`, and a list for every other method. */
function inForm(rows: readonly Row[], method: string | undefined): { rows: unknown[] } {
  return { rows: (method === "get" ? rows[0] : rows) as unknown[] };
}

interface Session {
  prepareQuery(...args: unknown[]): { queryWithCache: unknown };
}

/**
 * Makes prepared queries throw the original error.
 *
 * Drizzle wraps errors in `queryWithCache`, which does nothing else without a cache. Both names are
 * internals of the pinned drizzle version; the contract suite fails if an update changes them.
 */
function preserveErrors(db: SqliteRemoteDatabase): void {
  const session: Session = Reflect.get(db, "session");
  const prepareQuery = session.prepareQuery.bind(session);
  session.prepareQuery = (...args) =>
    Object.assign(prepareQuery(...args), {
      queryWithCache: (_sql: string, _params: unknown[], query: () => Promise<unknown>) => query(),
    });
}

/** The Passport's `sub` for a person with an account of this installation. */
const toCaller = (id: string) => `user:${id}`;

/**
 * The statement that deletes a person's stored idempotent responses, and those of other callers
 * that contain the person's id, for the batch that erases the person.
 *
 * The table is `idempotency_keys`. A sign-up has no account yet as its caller, so its response,
 * which has the e-mail address, is found by the id in its body.
 */
export function deleteStoredResponses(db: Orm, id: string): ReturnType<Orm["run"]> {
  return db.run(text`DELETE FROM idempotency_keys
    WHERE caller = ${toCaller(id)} OR instr(body, ${id}) > 0`);
}

/** The statement that deletes a deleted person's own stored responses; no other caller's. */
export function deleteResponsesTo(db: Orm, id: string): ReturnType<Orm["run"]> {
  return db.run(text`DELETE FROM idempotency_keys WHERE caller = ${toCaller(id)}`);
}
