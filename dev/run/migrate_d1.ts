/**
 * Applies the SQL files of every service to the local D1 databases of a workspace, as
 * `wrangler d1 migrations apply` would: each file once and whole, noted in `d1_migrations`. That
 * command starts workerd three times for each database; this program starts it once in all.
 *
 * Arguments: the Wrangler file and the folder of wrangler's state.
 */
import { getPlatformProxy, unstable_splitSqlQuery as splitStatements } from "wrangler";
import { databaseOwners, databases } from "../workspace/settings.ts";
import { projectRoot } from "../workspace/workspace.ts";

/** What is used of D1's binding. */
interface D1 {
  prepare(sql: string): Statement;
  batch(statements: readonly Statement[]): Promise<unknown>;
}

interface Statement {
  bind(...values: readonly unknown[]): Statement;
  run(): Promise<unknown>;
  all(): Promise<{ readonly results: readonly { readonly name: string }[] }>;
}

// The columns are wrangler's, which applied the migrations of older workspaces.
const table = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

async function migrate(database: D1, folder: string): Promise<void> {
  await database.prepare(table).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map(({ name }) => name));
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".sql") && !applied.has(name)).toSorted();
  for (const name of files) {
    const sql = splitStatements(await Deno.readTextFile(`${folder}/${name}`));
    const note = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    // One transaction: a file that was cut off midway could never be applied again.
    await database.batch([...sql.map((statement) => database.prepare(statement)), note]);
  }
}

const [configPath = "", state = ""] = Deno.args;
const proxy = getPlatformProxy<Record<string, D1>>({
  configPath,
  persist: { path: `${state}/v3` },
  envFiles: [],
  remoteBindings: false,
});
/** workerd would outlive this program, beside the one that serves these very files. */
const dispose = async () => await (await proxy).dispose();
Deno.addSignalListener("SIGTERM", () => void dispose().finally(() => Deno.exit(143)));
try {
  const { env } = await proxy;
  for (const owner of databaseOwners) {
    const database = env[databases[owner]];
    if (!database) throw new TypeError(`${configPath} does not bind ${databases[owner]}`);
    await migrate(database, `${projectRoot}services/${owner}/migrations`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
} finally {
  await dispose();
}
Deno.exit();
