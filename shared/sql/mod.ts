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
