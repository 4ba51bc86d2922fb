import {
  isSqliteFile,
  openSqliteFile,
  readArguments,
  readMigrations,
} from "@edgepass/shared/runtime/deno";
import { migrate, readSqlDb } from "@edgepass/shared/sql";
import { migrations as product } from "./generated/migrations_deno.ts";

readArguments({
  usage:
    "Usage: deno task migrate\n\nBrings every database up to date that a variable names: AUTH_DB, USER_DB, COURSE_DB, …",
  maxWords: 0,
});

/** Those of the product, and that of a control plane that runs alone. */
const migrations: Readonly<Record<string, URL>> = {
  ...product,
  CONTROL_DB: new URL("../control/migrations/", import.meta.url),
};

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
