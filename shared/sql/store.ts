import { sql as text } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import * as z from "zod/mini";
import { decodeBase64Url, decodeUtf8WithoutMark, encodeBase64Url } from "../crypto/encoding.ts";
import { Problem } from "../problem.ts";
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

/**
 * A new resource id: UUIDv7 (RFC 9562 §5.7), so that ids sort by creation time.
 *
 * `now` is epoch milliseconds; the 74 random bits come from Web Crypto.
 */
export function uuidv7(now: number = Date.now()): string {
  const random = crypto.getRandomValues(new Uint8Array(10)).toHex();
  const time = BigInt(now).toString(16).padStart(12, "0");
  // The variant is the two bits 10 (RFC 9562 §4.1); the other two of that digit stay random. Ten
  // bytes are twenty digits, so there is a fourth one.
  const variant = "89ab"[Number.parseInt(random[3]!, 16) & 3];
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${random.slice(0, 3)}`,
    `${variant}${random.slice(4, 7)}`,
    random.slice(7, 19),
  ].join("-");
}

/** Longer than any list position; a longer cursor is refused before it is decoded. */
const maxCursorLength = 1024;

/**
 * The opaque cursor of a list position: the sort keys of the last returned row.
 *
 * It is neither secret nor signed. A reader must check access as for any other client input.
 *
 * @throws {RangeError} if the position is too long
 */
export function toCursor(position: unknown): string {
  const cursor = encodeBase64Url(new TextEncoder().encode(JSON.stringify(position)));
  if (cursor.length > maxCursorLength) {
    throw new RangeError(`Cannot make a cursor: position takes ${cursor.length} characters`);
  }
  return cursor;
}

/**
 * A page of a list, for `items` of one row more than its `limit` where another page follows.
 *
 * @throws {RangeError} if the position of its last row is too long
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  { limit, toItem, toPosition }: {
    readonly limit: number;
    readonly toItem: (row: Row) => Item;
    /** The sort keys of a row, from which the next page goes on. */
    readonly toPosition: (row: Row) => unknown;
  },
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    items: shown.map(toItem),
    nextCursor: last === undefined ? null : toCursor(toPosition(last)),
  };
}

/**
 * The list position in a cursor, parsed by `schema`.
 *
 * @throws {Problem} `validation_failed` for any invalid cursor
 */
export function readCursor<Schema extends z.core.$ZodType>(
  schema: Schema,
  cursor: string,
): z.output<Schema> {
  const result = z.safeParse(schema, decodeCursor(cursor));
  if (result.success) return result.data;
  throw new Problem("validation_failed", {
    details: [{ path: "cursor", message: "Not a cursor of this list" }],
    cause: result.error,
  });
}

/** Returns undefined for an invalid cursor; no schema of a position accepts undefined. */
function decodeCursor(cursor: string): unknown {
  const bytes = cursor.length > maxCursorLength ? undefined : decodeBase64Url(cursor);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(decodeUtf8WithoutMark(bytes));
  } catch {
    return undefined;
  }
}
