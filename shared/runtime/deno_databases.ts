import { SqlFault, StoreUnavailable } from "../sql/errors.ts";
import { migrate, type Migration } from "../sql/migrate.ts";
import { openNodeSqlite, type OpenSqlDb } from "../sql/node_sqlite.ts";

const scheme = "sqlite:";

export interface OpenDatabases {
  /** The variables that named a file, with the open database instead. */
  readonly bindings: Readonly<Record<string, OpenSqlDb>>;
  close(): void;
}

/** Opens every `…_DB` variable that names a file and brings it up to date. */
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

/** In `user_version`, of a file whose free space has nothing in it that was deleted. */
const scrubbed = 1;

/**
 * Overwrites, once for each file, what was deleted before deletions were secure, and the rest of a log
 * that a process left which was killed.
 *
 * A file that is busy and a disk that is full wait for the next start, as does a process that may not
 * read and write everywhere: Deno then denies SQLite the second file that `VACUUM` needs.
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

/** The same for the file of a setting `sqlite:<path>` that nobody serves yet. */
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
  // People's data: nobody else on the machine may look.
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
