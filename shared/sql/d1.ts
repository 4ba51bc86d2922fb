import { toSqlError } from "./errors.ts";
import { oneStatement, returningNames, verbOf } from "./sql_text.ts";
import { checkStatement, type Row, type SqlDb, type Statement } from "./statement.ts";

/** The part of a prepared D1 statement that is used here. */
export interface D1Prepared {
  /** The statement with its values. */
  bind(...values: unknown[]): D1Prepared;
  /** Runs it and gives rows as lists. */
  raw(): Promise<unknown[][]>;
}

/** The part of a D1 binding that is used here. */
export interface D1Binding {
  /** A statement without its values. */
  prepare(sql: string): D1Prepared;
  /** Runs all of them or none. */
  batch(statements: D1Prepared[]): Promise<{ results?: unknown }[]>;
}

/**
 * Puts the port on a D1 binding.
 *
 * D1 gives the rows of a batch as objects, which keep one of two columns of the same name. So
 * SELECT and VALUES run inside a subquery, where SQLite names the second one apart (`id:1`), and a
 * RETURNING clause with two equal names is refused before anything is sent.
 */
export function d1Sql(binding: D1Binding): SqlDb {
  return {
    async run(statement) {
      const item = prepared(binding, checked(statement));
      return (await withMappedErrors(() => item.raw())).map(toRow);
    },
    async batch(statements) {
      if (statements.length === 0) return [];
      const items = statements.map(checked).map(({ sql, params }) =>
        prepared(binding, { sql: withDistinctColumns(sql), params })
      );
      const results = await withMappedErrors(() => binding.batch(items));
      return results.map(({ results }) => objectsOf(results).map(toRowFromObject));
    },
  };
}

/** A statement past the port's checks, without the semicolon and comment that may follow it. */
function checked(statement: Statement): Statement {
  checkStatement(statement);
  const { sql, params } = statement;
  return { sql: oneStatement(sql, params.length), params };
}

function prepared(binding: D1Binding, { sql, params }: Statement): D1Prepared {
  const statement = binding.prepare(sql);
  return params.length === 0 ? statement : statement.bind(...params);
}

function withDistinctColumns(sql: string): string {
  const verb = verbOf(sql);
  if (verb === "SELECT" || verb === "VALUES") {
    return `SELECT * FROM (${sql})`;
  }
  const names = returningNames(sql);
  const isAmbiguous = new Set(names).size < names.length ||
    (names.length > 1 && names.includes("*"));
  if (isAmbiguous) {
    throw new TypeError("Cannot return two columns of one name from a batch: name them apart");
  }
  return sql;
}

/** D1 answers a batch with one `results` array of plain objects per statement. */
function objectsOf(results: unknown): Record<string, unknown>[] {
  return Array.isArray(results) ? results : [];
}

function toRowFromObject(object: Record<string, unknown>): Row {
  const names = Object.keys(object);
  // JavaScript puts such keys first whatever their place was (ECMA-262, OrdinaryOwnPropertyKeys).
  if (names.length > 1 && names.some((name) => /^\d+$/.test(name))) {
    throw new TypeError("Cannot keep the order of columns named by a number: name them with AS");
  }
  return toRow(Object.values(object));
}

/** D1 gives bytes as an array of numbers, and no other value as an array. */
function toRow(values: readonly unknown[]): Row {
  return values.map((value) => Array.isArray(value) ? Uint8Array.from(value) : value);
}

const faultText =
  /: SQLITE_(?:ERROR|CONSTRAINT|TOOBIG|MISMATCH|RANGE|AUTH|MISUSE)\b|^D1_TYPE_ERROR/;

async function withMappedErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // D1 has no codes but those in the text; what names none is the network, the quota, the disk.
    const isFault = error instanceof Error && faultText.test(error.message);
    throw toSqlError(error, { outage: !isFault });
  }
}
