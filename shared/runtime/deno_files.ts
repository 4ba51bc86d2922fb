import { type Bindings, ConfigError } from "../composition/settings.ts";
import type { KeySource, KeySourceName } from "../crypto/mod.ts";
import { migrate, type Migration } from "../sql/sql_text.ts";
import { openNodeSqlite, type OpenSqlDb } from "../sql/node_sqlite.ts";
import { SqlFault, StoreUnavailable } from "../sql/statement.ts";

const scheme = "sqlite:";

export interface OpenDatabases {
  /** The variables that named a file, with the open database instead. */
  readonly bindings: Readonly<Record<string, OpenSqlDb>>;
  close(): void;
}

/** Opens every `…_DB` variable that names a file, and migrates it. */
export async function openDatabases(
  variables: Readonly<Record<string, string>>,
  migrations: Readonly<Record<string, URL>>,
): Promise<OpenDatabases> {
  const bindings: Record<string, OpenSqlDb> = {};
  for (const [name, value] of Object.entries(variables)) {
    if (!name.endsWith("_DB") || !isSqliteFile(value)) continue;
    const folder = migrations[name];
    if (!folder) continue;
    const database = await openSqliteFile(value);
    bindings[name] = database;
    await scrub(database);
    await migrate(database, await readMigrations(folder));
  }
  return {
    bindings,
    close: () => Object.values(bindings).forEach((database) => database.close()),
  };
}

/** The `user_version` of a file whose free pages hold no deleted data. */
const scrubbed = 1;

/**
 * Overwrites, once for each file, data that was deleted before secure deletion was on, and the rest
 * of a log that a killed process left.
 *
 * A busy file, a full disk or a process without full read and write permission waits for the next
 * start: Deno then denies SQLite the second file that `VACUUM` needs.
 */
async function scrub(database: OpenSqlDb): Promise<void> {
  const run = (sql: string) => database.run({ sql, params: [] });
  try {
    await run("PRAGMA wal_checkpoint(TRUNCATE)");
    const [[version] = []] = await run("PRAGMA user_version");
    if (version !== 0) return;
    await run("VACUUM");
    await run(`PRAGMA user_version = ${scrubbed}`);
    await run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    if (!(error instanceof StoreUnavailable || error instanceof SqlFault)) throw error;
  }
}

/** The same for the file of a setting `sqlite:<path>` that no process serves yet. */
export async function scrubSqliteFile(value: string): Promise<void> {
  const database = await openSqliteFile(value);
  try {
    await scrub(database);
  } finally {
    database.close();
  }
}

/** Whether a setting names a file. */
export function isSqliteFile(value: string): boolean {
  return value.startsWith(scheme);
}

/** Opens the file of a setting `sqlite:<path>`, and makes the folder it is in. */
export async function openSqliteFile(value: string): Promise<OpenSqlDb> {
  const path = value.slice(scheme.length);
  const parent = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
  // Personal data: other users of the machine must not read it.
  if (parent !== "") await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
  return openNodeSqlite(path);
}

/** The SQL files of a folder. */
export async function readMigrations(folder: URL): Promise<Migration[]> {
  const found: Migration[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !name.endsWith(".sql")) continue;
    found.push({ name, sql: await Deno.readTextFile(new URL(name, folder)) });
  }
  return found;
}

const names = ["PASSPORT_KEYS", "ACCESS_TOKEN_KEYS"] as const;

/**
 * The keys of the files in `PASSPORT_KEYS_FILE` and `ACCESS_TOKEN_KEYS_FILE`: the setting, unless a
 * variable sets it, and a function that reads the file again when an unknown `kid` is named.
 *
 * @throws {ConfigError} naming the variable whose file cannot be read
 */
export async function readKeyFiles(
  variables: Readonly<Record<string, string>>,
): Promise<Bindings> {
  const bindings: Record<string, string | KeySource> = {};
  for (const name of names) {
    const path = variables[`${name}_FILE`];
    if (!path) continue;
    const again: KeySourceName = `${name}_RELOAD`;
    bindings[again] = () => Deno.readTextFile(path);
    if (!variables[name]) bindings[name] = await readFile(name, path);
  }
  return bindings;
}

async function readFile(name: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    throw new ConfigError(`Cannot start: ${name}_FILE names a file that cannot be read`);
  }
}
