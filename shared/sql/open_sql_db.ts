import type { Client, ResultSet } from "@libsql/client/http";
import * as z from "zod/mini";
import { measureDatabase } from "../context/measure.ts";
import { loadOnce } from "../isolate.ts";
import { type D1Binding, d1Sql } from "./d1.ts";
import { oneStatement } from "./sql_text.ts";
import {
  checkStatement,
  type Row,
  type SqlDb,
  type SqlValue,
  type Statement,
  toSqlError,
} from "./statement.ts";

/** A service's database: an open one, a D1 binding, or the URL of a libSQL server. */
export type SqlSource = SqlDb | D1Binding | string;

const expected =
  "must be a D1 binding, a libSQL URL (libsql:, https: or http:) or an open database";

/** Setting that names a database; the setting `<NAME>_TOKEN` holds its libSQL token. */
export const sqlSource: z.ZodMiniType<SqlSource> = z.custom<SqlSource>(
  (value) => problemOf(value) === undefined,
  { error: ({ input }) => problemOf(input) ?? expected },
);

/**
 * Creates the database that a setting names: an open one, a D1 binding, or a libSQL URL.
 *
 * `token` belongs to a URL. A text `sqlite:<path>` is refused: only a runtime can open files.
 *
 * @throws {TypeError} for any other value; the message does not contain the value, which may be
 * secret
 */
export function readSqlDb(value: unknown, token?: string): SqlDb {
  return measuredSql(openSqlDb(value, token));
}

function openSqlDb(value: unknown, token?: string): SqlDb {
  if (isSqlDb(value)) return value;
  if (isD1Binding(value)) return d1Sql(value);
  const problem = problemOf(value);
  if (problem !== undefined || typeof value !== "string") {
    throw new TypeError(`Cannot use this database: it ${problem ?? expected}`);
  }
  return libsqlSql({ url: value, token });
}

/** Describes why a value is invalid; undefined if it is valid. */
function problemOf(value: unknown): string | undefined {
  if (isSqlDb(value) || isD1Binding(value)) return undefined;
  if (typeof value !== "string") return expected;
  if (value.startsWith("sqlite:")) return "is a file, which this runtime does not open";
  return isLibsqlUrl(value) ? undefined : expected;
}

/**
 * Whether the client accepts a URL, by the client's own rules: it is loaded with the first statement,
 * and a mistyped setting must stop the start, not fail every request. A test compares both.
 */
function isLibsqlUrl(text: string): boolean {
  const asHttps = text.replace(/^libsql:/i, "https:");
  if (!/^https?:\/\//i.test(asHttps) || !URL.canParse(text) || !URL.canParse(asHttps)) return false;
  if (text.includes("#") || !isDecodable(text)) return false;
  const { protocol, port, searchParams } = new URL(text);
  if ([...searchParams.keys()].some((name) => name !== "tls" && name !== "authToken")) return false;
  const choices = searchParams.getAll("tls");
  if (choices.some((choice) => choice !== "0" && choice !== "1")) return false;
  const isEncrypted = choices.length === 0 ? protocol !== "http:" : choices.at(-1) === "1";
  if (protocol === "libsql:") return isEncrypted || port !== "";
  return isEncrypted === (protocol === "https:");
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function isSqlDb(value: unknown): value is SqlDb {
  return hasMethods(value, "run", "batch");
}

function isD1Binding(value: unknown): value is D1Binding {
  return hasMethods(value, "prepare", "batch");
}

function hasMethods(value: unknown, ...names: string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  return names.every((name) => typeof Reflect.get(value, name) === "function");
}

/** Wraps a database so that each call is a span of the request's trace and a measurement. */
export function measuredSql(db: SqlDb): SqlDb {
  return {
    run: (statement) => measureDatabase("QUERY", 1, () => db.run(statement)),
    batch: (statements) => measureDatabase("BATCH", statements.length, () => db.batch(statements)),
  };
}

/** Options of {@link libsqlSql}. */
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
 * Adapts a libSQL server (Hrana over HTTP) to `SqlDb`. Nothing is sent, and the client is not loaded,
 * before the first statement: deployments with another database never use it, and it would be a
 * tenth of their cold start.
 *
 * @throws {TypeError} if the client would not accept the URL; the message does not contain the URL
 */
export function libsqlSql(
  { url, token, timeoutMs = 5_000, fetch = globalThis.fetch }: LibsqlOptions,
): SqlDb {
  // The client's own message would quote the URL, which may contain a token.
  if (!isLibsqlUrl(url)) {
    throw new TypeError("Cannot use this libSQL URL: it must be libsql:, https: or http:");
  }
  const open = loadOnce(async () => {
    const { createClient, LibsqlError } = await import("@libsql/client/http");
    const client = createClient({
      url,
      fetch: (request: Request) =>
        fetch(new Request(request, { signal: AbortSignal.timeout(timeoutMs) })),
      ...(token === undefined ? {} : { authToken: token }),
    });
    return { client, LibsqlError };
  });
  async function send<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const { client, LibsqlError } = await open();
    try {
      return await work(client);
    } catch (error) {
      // RangeError: an integer that a number cannot represent.
      const isFault = error instanceof RangeError ||
        (error instanceof LibsqlError && faultCode.test(error.code));
      throw toSqlError(error, { outage: !isFault });
    }
  }
  return {
    async run(statement) {
      const item = checked(statement);
      return rowsOf(await send((client) => client.execute(item)));
    },
    async batch(statements) {
      if (statements.length === 0) return [];
      const items = statements.map(checked);
      return (await send((client) => client.batch(items, "write"))).map(rowsOf);
    },
  };
}

const faultCode = /^(?:SQLITE_(?:ERROR|CONSTRAINT|TOOBIG|MISMATCH|RANGE|AUTH|MISUSE)|SQL_|ARGS_)/;

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
