import { StoreUnavailable } from "../sql/errors.ts";
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
 * that a process left which was killed. A file that is busy or a disk that is full waits for the next
 * start.
 */
async function scrub(database: OpenSqlDb): Promise<void> {
  const run = (sql: string) => database.run({ sql, params: [] });
  try {
    const [[version] = []] = await run("PRAGMA user_version");
    if (version === 0) {
      await run("VACUUM");
      await run(`PRAGMA user_version = ${scrubbed}`);
    }
    await run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
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
