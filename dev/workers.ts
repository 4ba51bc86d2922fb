import { createRequire } from "node:module";
import { machineVariables, parts, reportToDev, settingsOf } from "./environment.ts";
import { toEnvFile } from "./env_file.ts";
import type { Home } from "./home.ts";
import { keepText } from "./kept.ts";
import type { Placed, Placement } from "./placement.ts";
import type { Logs } from "./logs.ts";
import { describeEnding } from "./readiness.ts";
import { projectRoot, startProcess } from "./processes.ts";
import { toLocalConfig } from "./worker_config.ts";
import { serviceNames, services, type Settings } from "./settings.ts";
import { StartError } from "./start_error.ts";

/** Everything in one Worker, run by wrangler in workerd; its databases are local D1. */
export function placeInWorkerd(home: Home, given: Settings): Placement {
  const databases = serviceNames.flatMap((name) => [
    services[name].database,
    `${services[name].database}_TOKEN`,
  ]);
  // In workerd these names are bindings, which no text can stand for.
  const settings: Settings = {
    ...given,
    ...Object.fromEntries(databases.map((name) => [name, ""])),
  };
  const process: Placed = {
    name: "wrangler",
    port: Number(settings.PORT),
    args: [
      "--allow-all",
      wranglerProgram(),
      "dev",
      ...["--config", configFile(home)],
      ...["--ip", "127.0.0.1", "--port", settings.PORT],
      ...["--persist-to", home.at("workers")],
      ...["--env-file", variablesFile(home)],
      "--show-interactive-dev-session=false",
    ],
    env: wranglerVariables(home),
  };
  return { settings, processes: [process] };
}

/** Writes the Worker's configuration and its variables where wrangler reads them, mode 600. */
export function writeWorkerFiles(home: Home, settings: Settings): void {
  const config = Deno.readTextFileSync(`${projectRoot}wrangler.toml`);
  keepText(configFile(home), toLocalConfig(config, projectRoot));
  // A Worker has no files, so that it learns of keys at its start alone.
  const own = Object.entries(settingsOf(parts, reportToDev(settings)))
    .filter(([name]) => !name.endsWith("_KEYS_FILE"));
  // Unlike Deno, wrangler expands `$NAME` whatever the quotes.
  const escaped = own.map(([name, value]) => [name, value.replaceAll("$", "\\$")]);
  keepText(variablesFile(home), toEnvFile(Object.fromEntries(escaped)));
}

/**
 * Applies the SQL files to the local D1 databases, unless these very files were applied before.
 *
 * @throws {StartError} with the last lines of wrangler
 */
export async function migrateLocalD1(
  home: Home,
  logs: Logs,
  cleanup: AsyncDisposableStack,
): Promise<void> {
  const marker = home.at("workers", "migrated");
  const fingerprint = await fingerprintOfMigrations();
  if (readIfThere(marker) === fingerprint) return;
  logs.say("info", "Preparing the local D1 databases; the next start is quicker");
  // One after the other: each starts a workerd of its own on the same files.
  for (const name of serviceNames) await migrate(services[name].database, { home, logs, cleanup });
  keepText(marker, fingerprint);
}

async function migrate(
  database: string,
  { home, logs, cleanup }: { home: Home; logs: Logs; cleanup: AsyncDisposableStack },
): Promise<void> {
  const process = startProcess({
    name: "wrangler",
    isShortLived: true,
    args: [
      "--allow-all",
      wranglerProgram(),
      ...["d1", "migrations", "apply", database, "--local"],
      ...["--config", `${projectRoot}wrangler.toml`],
      ...["--persist-to", home.at("workers")],
    ],
    env: wranglerVariables(home),
  }, logs.hear);
  cleanup.defer(() => process.stop(1_000));
  const ending = await process.ended;
  if (ending.code === 0) return;
  throw new StartError(`${database} could not be migrated: ${describeEnding(ending)}`);
}

async function fingerprintOfMigrations(): Promise<string> {
  const texts: string[] = [];
  for (const name of serviceNames) {
    const folder = `${projectRoot}services/${name}/migrations`;
    for (const { name: file } of [...Deno.readDirSync(folder)].toSorted(byName)) {
      texts.push(`${name}/${file}\n${Deno.readTextFileSync(`${folder}/${file}`)}`);
    }
  }
  const bytes = new TextEncoder().encode(texts.join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function byName(a: Deno.DirEntry, b: Deno.DirEntry): number {
  return a.name < b.name ? -1 : 1;
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function variablesFile(home: Home): string {
  return home.at("workers", "vars.env");
}

function configFile(home: Home): string {
  return home.at("workers", "wrangler.toml");
}

/** Its `bin` starts this file under Node; Deno runs it as it is. */
function wranglerProgram(): string {
  const { resolve } = createRequire(import.meta.url);
  return resolve("wrangler");
}

/** No account, no network, no report, and no file outside the home. */
function wranglerVariables(home: Home): Readonly<Record<string, string>> {
  return {
    ...machineVariables(Deno.env.toObject()),
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_LOG_PATH: home.at("workers", "logs"),
    WRANGLER_REGISTRY_PATH: home.at("workers", "registry"),
    XDG_CONFIG_HOME: home.at("workers", "config"),
    CI: "true",
    FORCE_COLOR: "0",
  };
}
