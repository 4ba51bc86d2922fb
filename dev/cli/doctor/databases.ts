import { isSqliteFile, openSqliteFile, readMigrations } from "@edgepass/shared/runtime/deno";
import {
  type Migration,
  pendingMigrations,
  readSqlDb,
  type SqlDb,
  StoreUnavailable,
} from "@edgepass/shared/sql";
import { pathToFileURL } from "node:url";
import { type DatabaseOwner, databaseOwners, databases } from "../../workspace/settings.ts";
import { isInWorkerd } from "./configuration_errors.ts";
import { type DoctorContext, type Effects, fail, type Finding, ok, warn } from "./context.ts";

/** A database that has not responded for so long counts as unreachable. */
const patienceMs = 5_000;

/** Databases open, are intact, and have the tables that this source reads. */
export async function checkDatabases(
  context: DoctorContext,
  { root }: Effects,
): Promise<Finding[]> {
  if (context.scope === "dev" && isInWorkerd(context.settings)) {
    return [ok("in workerd they are D1, which deno task dev:workers migrates")];
  }
  const findings: Finding[] = [];
  for (const service of databaseOwners.filter((name) => context.parts.includes(name))) {
    const value = context.settings[databases[service]];
    if (value !== "") findings.push(await checkDatabase(service, value, { context, root }));
  }
  return findings;
}

interface Place {
  readonly context: DoctorContext;
  readonly root: string;
}

async function checkDatabase(
  service: DatabaseOwner,
  value: string,
  { context, root }: Place,
): Promise<Finding> {
  const migrations = await readMigrations(
    new URL(`services/${service}/migrations/`, pathToFileURL(root)),
  );
  const name = databases[service];
  if (isSqliteFile(value)) return await checkFile(name, value, { migrations, context });
  const away = fail(`${name} does not respond`, `see ${name} and ${name}_TOKEN, and its server`);
  try {
    const database = readSqlDb(value, context.settings[`${name}_TOKEN`] || undefined);
    return await inTime(judge(name, database, { migrations, context })) ?? away;
  } catch (error) {
    if (error instanceof StoreUnavailable) return away;
    throw error;
  }
}

interface Expected {
  readonly migrations: readonly Migration[];
  readonly context: DoctorContext;
}

async function checkFile(name: string, value: string, expected: Expected): Promise<Finding> {
  const path = value.slice("sqlite:".length);
  if (!isThere(path)) return toAbsent(name, expected.context);
  const damaged = fail(
    `${name} is damaged or cannot be read: ${path}`,
    toRestore(path, expected.context),
  );
  try {
    const database = await openSqliteFile(value);
    try {
      const [[verdict] = []] = await database.run({ sql: "PRAGMA quick_check(1)", params: [] });
      return verdict === "ok" ? await judge(name, database, expected) : damaged;
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof StoreUnavailable) return damaged;
    throw error;
  }
}

async function judge(
  name: string,
  database: SqlDb,
  { migrations, context }: Expected,
): Promise<Finding> {
  const pending = await pendingMigrations(database, migrations);
  if (pending.length > 0) {
    const what = `${name} lacks ${pending.join(", ")}`;
    if (context.scope === "deployment") return fail(what, "deno task migrate");
    return context.dev.name === "running"
      ? fail(what, "end dev and start it again, which applies them")
      : warn(what, "deno task dev, which applies them");
  }
  const applied = await database.run({ sql: "SELECT name FROM d1_migrations", params: [] });
  const unknown = applied.map(([one]) => String(one))
    .filter((one) => !migrations.some((migration) => migration.name === one));
  if (unknown.length === 0) return ok(`${name} opens, is undamaged and has all its tables`);
  return fail(
    `${name} is newer than this source: it has ${unknown.join(", ")}`,
    "git pull, or use the source that made it",
  );
}

function toAbsent(name: string, { scope, dev }: DoctorContext): Finding {
  if (scope === "deployment") return fail(`the file of ${name} is not there`, "deno task migrate");
  if (dev.name !== "running") return ok(`${name} is not there yet; dev makes it`);
  return fail(`the file of ${name} is gone while dev is running`, "end dev and start it again");
}

function toRestore(path: string, { scope }: DoctorContext): string {
  const restore = `restore ${path} from a copy`;
  return scope === "dev" ? `${restore}, or start empty: rm ${path}*` : restore;
}

/** Undefined when it takes too long. */
async function inTime<Value>(work: Promise<Value>): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patienceMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
