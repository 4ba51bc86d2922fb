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
export { readCursor, toCursor, toPage, uuidv7 } from "./rows.ts";
export { deleteStoredResponses, type Orm, orm } from "./store.ts";
export { migrate, type Migration, pendingMigrations } from "./sql_text.ts";
export {
  type D1Binding,
  type D1Prepared,
  readSqlDb,
  type SqlSource,
  sqlSource,
} from "./open_sql_db.ts";
