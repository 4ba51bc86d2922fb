export {
  checkStatement,
  maxParams,
  type Row,
  type SqlDb,
  type SqlValue,
  type Statement,
} from "./statement.ts";
export { SqlFault, StoreUnavailable, UniqueViolation, VersionConflict } from "./errors.ts";
export { isDone, requireOneChange } from "./guard.ts";
export { readCursor, toCursor } from "./cursor.ts";
export { migrate, type Migration, pendingMigrations } from "./migrate.ts";
export { type Orm, orm } from "./orm.ts";
export { readSqlDb, type SqlSource, sqlSource } from "./read_sql_db.ts";
export { deleteStoredResponses } from "./stored_responses.ts";
export { uuidv7 } from "./uuidv7.ts";
export type { D1Binding, D1Prepared } from "./d1.ts";
