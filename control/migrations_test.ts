import assert from "node:assert/strict";
import { migrate } from "@edgepass/shared/sql";
import { openNodeSqlite } from "../shared/sql/node_sqlite.ts";
import { readMigrations } from "../shared/runtime/deno_files.ts";

const tables = ["audit", "configurations", "revocation_log", "revocations"];

/** The control plane's tables, indexes and triggers of a database, as comparable definitions. */
async function readSchema(folder: string): Promise<Record<string, string[]>> {
  const database = openNodeSqlite(":memory:");
  try {
    await migrate(database, await readMigrations(new URL(folder, import.meta.url)));
    const rows = await database.run({
      sql: `SELECT name, sql FROM sqlite_master
        WHERE sql IS NOT NULL AND tbl_name IN (SELECT value FROM json_each(?)) ORDER BY name`,
      params: [JSON.stringify(tables)],
    });
    return Object.fromEntries(rows.map(([name, sql]) => [String(name), toParts(String(sql))]));
  } finally {
    database.close();
  }
}

/** Without comments and layout, and without an order: a column that was added later is the last. */
function toParts(sql: string): string[] {
  const text = sql.replace(/--.*$/gm, "").replace(/\s+/g, " ").replace(/ ?([(),]) ?/g, "$1");
  const parts: string[] = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (/[(),]/.test(character) && depth <= 1) parts.push("");
    else parts.push(`${parts.pop() ?? ""}${character}`);
  }
  return parts.filter((part) => part !== "").sort();
}

Deno.test("the migrations of auth and of CONTROL_DB create the same control tables", async () => {
  const own = await readSchema("./migrations/");
  const hosted = await readSchema("../services/auth/migrations/");
  assert.deepEqual(own, hosted);
  assert.deepEqual(Object.keys(own).filter((name) => tables.includes(name)), tables);
  assert.ok(own.revocations?.includes("position INTEGER NOT NULL DEFAULT 0"));
});
