import { measureDatabase } from "../context/measure.ts";
import type { SqlDb } from "./statement.ts";

/** Wraps a database so that each call is a span of the request's trace and a measurement. */
export function measuredSql(db: SqlDb): SqlDb {
  return {
    run: (statement) => measureDatabase("QUERY", 1, () => db.run(statement)),
    batch: (statements) => measureDatabase("BATCH", statements.length, () => db.batch(statements)),
  };
}
