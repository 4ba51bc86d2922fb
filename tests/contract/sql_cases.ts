import { drizzleCases } from "./sql_drizzle_cases.ts";
import { eventCases } from "./sql_events_cases.ts";
import { guardCases } from "./sql_guard_cases.ts";
import { refusalCases } from "./sql_refusal_cases.ts";
import { rowCases } from "./sql_row_cases.ts";
import type { SqlCase } from "./sql_case.ts";

/** What every adapter of `SqlDb` guarantees, by name. Runs on Deno and inside workerd. */
export const sqlCases: Readonly<Record<string, SqlCase>> = {
  ...rowCases,
  ...refusalCases,
  ...guardCases,
  ...drizzleCases,
  ...eventCases,
};
