import { digest } from "../crypto/encoding.ts";
import { type SqlDb, type Statement, UniqueViolation } from "./statement.ts";

/** A token of SQL text; white space and comments are not tokens. */
export interface Token {
  readonly kind: "word" | "quoted" | "parameter" | "other";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

// https://www.sqlite.org/lang_keywords.html, tokenize.c: four kinds of quotes, two of comments.
const piece = new RegExp(
  [
    /(?<skip>\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/,
    /(?<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])/,
    /(?<parameter>\?\d*|[:@$][\w$]+)/,
    /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<other>\d[\w.]*|[\s\S])/,
  ].map((part) => part.source).join("|"),
  "g",
);

/** The tokens of an SQL text; invalid SQL has tokens too, and the store refuses it later. */
export function* tokens(sql: string): Generator<Token> {
  for (const match of sql.matchAll(piece)) {
    const [text] = match;
    const groups = match.groups ?? {};
    if (groups["skip"] !== undefined) continue;
    const kind = groups["word"] !== undefined
      ? "word"
      : groups["quoted"] !== undefined
      ? "quoted"
      : groups["parameter"] !== undefined
      ? "parameter"
      : "other";
    yield { kind, text, start: match.index, end: match.index + text.length };
  }
}

/**
 * The statements of an SQL text, without their semicolons.
 *
 * CREATE TRIGGER ends only at `; END ;`, the rule of sqlite3_complete().
 */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let pieces: Token[] = [];
  for (const token of tokens(sql)) {
    if (token.text !== ";" || (isTrigger(pieces) && !endsTrigger(pieces))) {
      pieces.push(token);
    } else {
      statements.push(textOf(sql, pieces));
      pieces = [];
    }
  }
  return [...statements, textOf(sql, pieces)].filter((statement) => statement !== "");
}

/**
 * The only statement of a text, without a trailing semicolon or comment, checked for its number of
 * parameters.
 *
 * SQLite's own drivers run only the first of several statements and bind NULL for a missing
 * parameter. D1 runs all of them and returns the rows of the last. Neither reports an error.
 *
 * @throws {TypeError} if it is not exactly one statement, takes another number of parameters, or
 * has a named parameter
 */
export function oneStatement(sql: string, params: number): string {
  const [statement, ...others] = splitStatements(sql);
  if (statement === undefined || others.length > 0) {
    throw new TypeError("Cannot run a text that is not exactly one statement");
  }
  const takes = countParameters(statement);
  if (takes !== params) {
    throw new TypeError(`Cannot bind ${params} parameters: statement takes ${takes}`);
  }
  return statement;
}

function countParameters(sql: string): number {
  let count = 0;
  for (const { kind, text } of tokens(sql)) {
    if (kind !== "parameter") continue;
    if (!text.startsWith("?")) throw new TypeError(`Cannot bind a named parameter: ${text}`);
    count = text === "?" ? count + 1 : Math.max(count, Number(text.slice(1)));
  }
  return count;
}

const verbs = new Set(["SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"]);

/** The verb of a statement: the first one outside of parentheses, after a WITH clause. */
export function verbOf(sql: string): string {
  let depth = 0;
  let first: string | undefined;
  for (const { kind, text } of tokens(sql)) {
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    else if (kind === "word" && depth === 0) {
      const word = text.toUpperCase();
      if (first === undefined && word !== "WITH") return word;
      first ??= word;
      if (verbs.has(word)) return word;
    }
  }
  return first ?? "";
}

/**
 * SQLite's names for the columns of a RETURNING clause, in lower case.
 *
 * A name is the last word of an item (the alias, or the column after its table). An expression is
 * named by its text.
 */
export function returningNames(sql: string): string[] {
  let depth = 0;
  let items: Token[][] | undefined;
  for (const token of tokens(sql)) {
    if (token.text === "(") depth += 1;
    else if (token.text === ")") depth -= 1;
    if (items === undefined) {
      const isClause = token.kind === "word" && token.text.toUpperCase() === "RETURNING";
      if (depth === 0 && isClause) items = [[]];
    } else if (depth === 0 && token.text === ",") items.push([]);
    else items.at(-1)?.push(token);
  }
  return (items ?? []).map((item) => {
    const last = item.at(-1);
    if (last?.kind === "word") return last.text.toLowerCase();
    if (last?.kind === "quoted") return last.text.slice(1, -1).toLowerCase();
    return item.map(({ text }) => text).join(" ").toLowerCase();
  });
}

function isTrigger(pieces: readonly Token[]): boolean {
  const [create, second, third] = pieces.slice(0, 3).map(({ text }) => text.toUpperCase());
  if (create !== "CREATE") return false;
  return second === "TRIGGER" || (/^TEMP(?:ORARY)?$/.test(second ?? "") && third === "TRIGGER");
}

function endsTrigger(pieces: readonly Token[]): boolean {
  return pieces.at(-1)?.text.toUpperCase() === "END" && pieces.at(-2)?.text === ";";
}

function textOf(sql: string, pieces: readonly Token[]): string {
  const [first, last] = [pieces[0], pieces.at(-1)];
  return first === undefined || last === undefined ? "" : sql.slice(first.start, last.end);
}

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
