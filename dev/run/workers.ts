import { createRequire } from "node:module";
import { machineVariables, parts, reportToDev, settingsOf } from "../workspace/environment.ts";
import { toEnvFile } from "../workspace/env_file.ts";
import { projectRoot, type Workspace, writeText } from "../workspace/workspace.ts";
import type { Placed, Placement } from "./placement.ts";
import type { Logs } from "./logs.ts";
import { describeEnding } from "./readiness.ts";
import { startProcess } from "./processes.ts";
import { databaseOwners, databases, type Settings } from "../workspace/settings.ts";
import { StartError } from "../workspace/start.ts";

/** Everything in one Worker, run by wrangler in workerd; its databases are local D1. */
export function placeInWorkerd(workspace: Workspace, given: Settings): Placement {
  const names = Object.values(databases).flatMap((name) => [name, `${name}_TOKEN`]);
  // In workerd these names are bindings, which no text can replace.
  const settings: Settings = {
    ...given,
    ...Object.fromEntries(names.map((name) => [name, ""])),
  };
  const process: Placed = {
    name: "wrangler",
    port: Number(settings.PORT),
    args: [
      "--allow-all",
      wranglerProgram(),
      "dev",
      ...["--config", configFile(workspace)],
      ...["--ip", "127.0.0.1", "--port", settings.PORT],
      ...["--persist-to", workspace.at("workers")],
      ...["--env-file", variablesFile(workspace)],
      "--show-interactive-dev-session=false",
    ],
    env: wranglerVariables(workspace),
  };
  return { settings, processes: [process] };
}

/** Writes the Worker's configuration and its variables where wrangler reads them, mode 600. */
export function writeWorkerFiles(workspace: Workspace, settings: Settings): void {
  const config = Deno.readTextFileSync(`${projectRoot}wrangler.toml`);
  writeText(configFile(workspace), toLocalConfig(config, projectRoot));
  // A Worker has no files, so it reads keys only at its start.
  const own = Object.entries(settingsOf(parts, reportToDev(settings)))
    .filter(([name]) => !name.endsWith("_KEYS_FILE"));
  // Unlike Deno, wrangler expands `$NAME` inside any quotes.
  const escaped = own.map(([name, value]) => [name, value.replaceAll("$", "\\$")]);
  writeText(variablesFile(workspace), toEnvFile(Object.fromEntries(escaped)));
}

/**
 * Applies the SQL files to the local D1 databases, unless these very files were applied before.
 *
 * @throws {StartError} with the last lines of the program that does it
 */
export async function migrateLocalD1(
  workspace: Workspace,
  logs: Logs,
  cleanup: AsyncDisposableStack,
): Promise<void> {
  const marker = workspace.at("workers", "migrated");
  const fingerprint = await fingerprintOfMigrations();
  if (readIfThere(marker) === fingerprint) return;
  logs.report("info", "Preparing the local D1 databases; the next start is quicker");
  const process = startProcess({
    name: "wrangler",
    isShortLived: true,
    args: [
      "--allow-all",
      `${projectRoot}dev/run/migrate_d1.ts`,
      `${projectRoot}wrangler.toml`,
      workspace.at("workers"),
    ],
    // It would warn of secrets that no migration needs.
    env: { ...wranglerVariables(workspace), WRANGLER_LOG: "error" },
  }, logs.receive);
  cleanup.defer(() => process.stop(1_000));
  const ending = await process.ended;
  if (ending.code !== 0) {
    throw new StartError(`the local D1 databases could not be migrated: ${describeEnding(ending)}`);
  }
  writeText(marker, fingerprint);
}

async function fingerprintOfMigrations(): Promise<string> {
  const texts: string[] = [];
  for (const name of databaseOwners) {
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

function variablesFile(workspace: Workspace): string {
  return workspace.at("workers", "vars.env");
}

function configFile(workspace: Workspace): string {
  return workspace.at("workers", "wrangler.toml");
}

/** Its `bin` starts this file under Node; Deno runs it as it is. */
function wranglerProgram(): string {
  const { resolve } = createRequire(import.meta.url);
  return resolve("wrangler");
}

/** No account, no network, no telemetry, and no file outside the workspace. */
function wranglerVariables(workspace: Workspace): Readonly<Record<string, string>> {
  return {
    ...machineVariables(Deno.env.toObject()),
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_LOG_PATH: workspace.at("workers", "logs"),
    WRANGLER_REGISTRY_PATH: workspace.at("workers", "registry"),
    XDG_CONFIG_HOME: workspace.at("workers", "config"),
    CI: "true",
    FORCE_COLOR: "0",
  };
}

/** Secrets a deployment may do without, so that the Wrangler files cannot name them. */
const optionalSecrets = [
  "QSTASH_TOKEN",
  "QSTASH_CURRENT_SIGNING_KEY",
  "QSTASH_NEXT_SIGNING_KEY",
  "RECOMMENDER_KEY",
] as const;

/**
 * A Wrangler file for another folder, with every secret named.
 *
 * Run locally, wrangler passes a Worker no secret that the file does not list as required;
 * deployed, it would refuse while one of these is missing.
 *
 * @throws {TypeError} when the file is not written as expected
 */
export function toLocalConfig(text: string, root: string): string {
  const isNamed = /^required = \[/m.test(text);
  if (!isNamed) throw new TypeError("Cannot name secrets: the Wrangler file has no required ones");
  const names = optionalSecrets.map((name) => `"${name}", `).join("");
  return text
    .replace(/^required = \[/m, `$&${names}`)
    .replaceAll(
      /^(main|directory|migrations_dir|watch_dir) = "(.+)"$/gm,
      (_line, key, path) => `${key} = ${JSON.stringify(root + path)}`,
    );
}
