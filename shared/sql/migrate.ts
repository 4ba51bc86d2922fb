import { digest } from "../crypto/encoding.ts";
import { type SqlDb, type Statement, UniqueViolation } from "./statement.ts";
import { splitStatements } from "./sql_text.ts";

/** One SQL file, for example `0001_accounts.sql`. */
export interface Migration {
  /** The file's name; migrations run in its order. */
  readonly name: string;
  /** One or more statements. */
  readonly sql: string;
}

/** The history in the database does not match the migration files. */
export class MigrationError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "MigrationError";
}

// The table of `wrangler d1 migrations apply`, with an additional checksum.
const createTable: Statement = {
  sql: `CREATE TABLE IF NOT EXISTS d1_migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,
    sha256 TEXT
  )`,
  params: [],
};

/**
 * Applies pending migrations in the order of their names, and returns those names.
 *
 * For node:sqlite and libSQL; `wrangler d1 migrations apply` migrates D1. Each migration and its
 * record are one batch, so of several processes that start at once only one applies it. Foreign
 * keys stay on, and a migration must not control transactions itself.
 *
 * @throws {MigrationError} if an applied migration is missing or its text has changed
 */
export async function migrate(
  sql: SqlDb,
  migrations: readonly Migration[],
): Promise<string[]> {
  const ordered = inOrder(migrations);
  const checksums = new Map<string, string>();
  for (const { name, sql } of ordered) checksums.set(name, await checksumOf(sql));
  await sql.run(createTable);
  const applied = await readApplied(sql);
  requireSameHistory(applied, checksums);
  const done: string[] = [];
  for (const migration of ordered) {
    if (applied.has(migration.name)) continue;
    if (await apply(sql, migration, checksums.get(migration.name) ?? "")) done.push(migration.name);
  }
  requireSameHistory(await readApplied(sql), checksums);
  return done;
}

/**
 * The names of pending migrations, for a readiness check; also on D1.
 *
 * It does not change the database.
 */
export async function pendingMigrations(
  sql: SqlDb,
  migrations: readonly Migration[],
): Promise<string[]> {
  const names = inOrder(migrations).map(({ name }) => name);
  const tables = await sql.run({
    sql: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'",
    params: [],
  });
  if (tables.length === 0) return names;
  const rows = await sql.run({ sql: "SELECT name FROM d1_migrations", params: [] });
  const applied = new Set(rows.map(([name]) => name));
  return names.filter((name) => !applied.has(name));
}

/** Returns true if this call applied the migration, false if another process did. */
async function apply(sql: SqlDb, { name, sql: text }: Migration, sha256: string): Promise<boolean> {
  // The record comes first: a second process fails on it, and not on a table that already exists.
  const record: Statement = {
    sql: "INSERT INTO d1_migrations (name, sha256) VALUES (?, ?)",
    params: [name, sha256],
  };
  try {
    await sql.batch([record, ...splitStatements(text).map((sql) => ({ sql, params: [] }))]);
    return true;
  } catch (error) {
    if (error instanceof UniqueViolation && error.columns === "d1_migrations.name") return false;
    throw new MigrationError(`Cannot apply migration ${name}`, { cause: error });
  }
}

async function readApplied(sql: SqlDb): Promise<Map<string, string | undefined>> {
  const rows = await sql.run({ sql: "SELECT name, sha256 FROM d1_migrations", params: [] });
  return new Map(
    rows.map(([name, sha256]) => [String(name), sha256 === null ? undefined : String(sha256)]),
  );
}

function requireSameHistory(
  applied: ReadonlyMap<string, string | undefined>,
  checksums: ReadonlyMap<string, string>,
): void {
  for (const [name, sha256] of applied) {
    const present = checksums.get(name);
    if (present === undefined) {
      throw new MigrationError(`Cannot migrate: ${name} was applied but is not among the files`);
    }
    if (sha256 !== undefined && sha256 !== present) {
      throw new MigrationError(`Cannot migrate: ${name} has changed since it was applied`);
    }
  }
}

function inOrder(migrations: readonly Migration[]): Migration[] {
  const ordered = migrations.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const twice = ordered.find(({ name }, index) => name === ordered[index + 1]?.name);
  if (twice !== undefined) {
    throw new MigrationError(`Cannot migrate: two files named ${twice.name}`);
  }
  return ordered;
}

/** Line endings are normalised, because a Git checkout may change them. */
async function checksumOf(sql: string): Promise<string> {
  return await digest(sql.replaceAll("\r\n", "\n"));
}
