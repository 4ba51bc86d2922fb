import { checkStatement, type Row, type SqlDb, type Statement, toSqlError } from "./statement.ts";
import { oneStatement, returningNames, verbOf } from "./sql_text.ts";

/** The part of a prepared D1 statement that is used here. */
export interface D1Prepared {
  /** The statement with its values. */
  bind(...values: unknown[]): D1Prepared;
  /** Runs it and returns rows as arrays. */
  raw(): Promise<unknown[][]>;
}

/** The part of a D1 binding that this adapter uses. */
export interface D1Binding {
  /** A statement without its values. */
  prepare(sql: string): D1Prepared;
  /** Runs all of them or none. */
  batch(statements: D1Prepared[]): Promise<{ results?: unknown }[]>;
}

/**
 * Adapts a D1 binding to `SqlDb`.
 *
 * D1 returns the rows of a batch as objects, which lose one of two columns with the same name. So
 * SELECT and VALUES run inside a subquery, where SQLite renames the second column (`id:1`), and a
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

/** Checks a statement, and removes a semicolon or comment after it. */
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

/** D1 returns one `results` array of plain objects for each statement of a batch. */
function objectsOf(results: unknown): Record<string, unknown>[] {
  return Array.isArray(results) ? results : [];
}

function toRowFromObject(object: Record<string, unknown>): Row {
  const names = Object.keys(object);
  // JavaScript moves integer keys to the front (ECMA-262, OrdinaryOwnPropertyKeys).
  if (names.length > 1 && names.some((name) => /^\d+$/.test(name))) {
    throw new TypeError("Cannot keep the order of columns named by a number: name them with AS");
  }
  return toRow(Object.values(object));
}

/** D1 returns bytes as an array of numbers, and no other value as an array. */
function toRow(values: readonly unknown[]): Row {
  return values.map((value) => Array.isArray(value) ? Uint8Array.from(value) : value);
}

const faultText =
  /: SQLITE_(?:ERROR|CONSTRAINT|TOOBIG|MISMATCH|RANGE|AUTH|MISUSE)\b|^D1_TYPE_ERROR/;

async function withMappedErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // D1 has error codes only in the message. A message without one is a network, quota or disk
    // error.
    const isFault = error instanceof Error && faultText.test(error.message);
    throw toSqlError(error, { outage: !isFault });
  }
}
