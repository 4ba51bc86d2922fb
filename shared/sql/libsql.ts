import { createClient, LibsqlError, type ResultSet } from "@libsql/client/http";
import {
  checkStatement,
  type Row,
  type SqlDb,
  type SqlValue,
  type Statement,
  toSqlError,
} from "./statement.ts";
import { oneStatement } from "./sql_text.ts";

/** Options of {@link createLibsql}. */
export interface LibsqlOptions {
  /** `libsql:`, `https:` or `http:` URL of the database. */
  readonly url: string;
  /** Bearer token of the database. */
  readonly token?: string | undefined;
  /** Timeout of a call, after which the store counts as unavailable; default 5,000. */
  readonly timeoutMs?: number;
  /** Replaces the runtime's own. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

/**
 * Adapts a libSQL server (Hrana over HTTP) to `SqlDb`. `libsqlSql` loads it, with the client, and has
 * checked the URL.
 */
export function createLibsql(
  { url, token, timeoutMs = 5_000, fetch = globalThis.fetch }: LibsqlOptions,
): SqlDb {
  const client = createClient({
    url,
    fetch: (request: Request) =>
      fetch(new Request(request, { signal: AbortSignal.timeout(timeoutMs) })),
    ...(token === undefined ? {} : { authToken: token }),
  });
  return {
    async run(statement) {
      const item = checked(statement);
      return rowsOf(await withMappedErrors(() => client.execute(item)));
    },
    async batch(statements) {
      if (statements.length === 0) return [];
      const items = statements.map(checked);
      return (await withMappedErrors(() => client.batch(items, "write"))).map(rowsOf);
    },
  };
}

function checked(statement: Statement): { sql: string; args: SqlValue[] } {
  checkStatement(statement);
  const { sql, params } = statement;
  return { sql: oneStatement(sql, params.length), args: [...params] };
}

/** Reads by index: as properties, two columns of the same name would become one. */
function rowsOf({ columns, rows }: ResultSet): Row[] {
  return rows.map((row) => columns.map((_, index) => toValue(row[index])));
}

function toValue(value: unknown): unknown {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}

const faultCode = /^(?:SQLITE_(?:ERROR|CONSTRAINT|TOOBIG|MISMATCH|RANGE|AUTH|MISUSE)|SQL_|ARGS_)/;

async function withMappedErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // RangeError: an integer that a number cannot represent.
    const isFault = error instanceof RangeError ||
      (error instanceof LibsqlError && faultCode.test(error.code));
    throw toSqlError(error, { outage: !isFault });
  }
}
