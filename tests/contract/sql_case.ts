import type { Row, SqlDb, SqlValue, Statement } from "@edgepass/shared/sql";

/** A case of the contract; `t` is a table name that no other case uses. */
export type SqlCase = (sql: SqlDb, t: string) => Promise<void>;

/** One statement and its parameters. */
export function statement(sql: string, ...params: SqlValue[]): Statement {
  return { sql, params };
}

/** Runs one statement with its parameters. */
export function run(sql: SqlDb, text: string, ...params: SqlValue[]): Promise<Row[]> {
  return sql.run(statement(text, ...params));
}
