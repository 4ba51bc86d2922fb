import * as z from "zod/mini";
import { measureDatabase } from "../context/measure.ts";
import { loadOnce } from "../isolate.ts";
import { type D1Binding, d1Sql } from "./d1.ts";
import type { LibsqlOptions } from "./libsql.ts";
import type { SqlDb } from "./statement.ts";

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

/**
 * Opens the database of a libSQL server. Nothing is sent, and the client is not loaded, before the
 * first statement: most deployments have another database, and it would be a tenth of their cold
 * start.
 *
 * @throws {TypeError} if the client would not accept the URL; the message does not contain the URL
 */
export function libsqlSql(options: LibsqlOptions): SqlDb {
  // The client's own message would quote the URL, which may contain a token.
  if (!isLibsqlUrl(options.url)) {
    throw new TypeError("Cannot use this libSQL URL: it must be libsql:, https: or http:");
  }
  const open = loadOnce(async () => {
    const { createLibsql } = await import("./libsql.ts");
    return createLibsql(options);
  });
  return {
    run: async (statement) => await (await open()).run(statement),
    batch: async (statements) => await (await open()).batch(statements),
  };
}
