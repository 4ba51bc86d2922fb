export {
  isDone,
  requireOneChange,
  type Row,
  type SqlDb,
  SqlFault,
  type SqlValue,
  type Statement,
  StoreUnavailable,
  UniqueViolation,
  VersionConflict,
} from "./statement.ts";
export { deleteStoredResponses, type Orm, orm } from "./store.ts";
export { readCursor, toCursor, uuidv7 } from "./rows.ts";
export { migrate, type Migration, pendingMigrations } from "./sql_text.ts";
export { readSqlDb, type SqlSource, sqlSource } from "./open_sql_db.ts";
export type { D1Binding, D1Prepared } from "./d1.ts";
