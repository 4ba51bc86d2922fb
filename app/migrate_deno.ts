import { readArguments } from "@edgepass/shared/runtime/usage";
import { isSqliteFile, openSqliteFile, readMigrations } from "@edgepass/shared/runtime/deno";
import { readSqlDb } from "@edgepass/shared/sql/config";
import { migrate } from "@edgepass/shared/sql/migrate";
import { migrations } from "./generated/migrations_deno.ts";

readArguments({
  usage:
    "Usage: deno task migrate\n\nBrings every database up to date that a variable names: AUTH_DB, USER_DB, COURSE_DB, …",
  maxWords: 0,
});

/** Migrates every database that the environment names; D1 is migrated by wrangler. */
const named = Object.entries(migrations).filter(([name]) => Deno.env.get(name));
if (named.length === 0) fail(`Cannot migrate: set one of ${Object.keys(migrations).join(", ")}`);
for (const [name, folder] of named) {
  try {
    const applied = await migrateOne(name, folder);
    console.log(
      `${name}: ${applied.length === 0 ? "up to date" : `applied ${applied.join(", ")}`}`,
    );
  } catch (error) {
    fail(`${name}: ${error instanceof Error ? error.message : "cannot be migrated"}`);
  }
}

async function migrateOne(name: string, folder: URL): Promise<string[]> {
  const value = Deno.env.get(name) ?? "";
  const files = await readMigrations(folder);
  if (!isSqliteFile(value)) {
    return await migrate(readSqlDb(value, Deno.env.get(`${name}_TOKEN`)), files);
  }
  const database = await openSqliteFile(value);
  try {
    return await migrate(database, files);
  } finally {
    database.close();
  }
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}
