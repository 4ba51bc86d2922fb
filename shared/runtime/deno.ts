import type { Application } from "../application.ts";
import { type Invocation, runInvocation } from "../background.ts";
import { type Bindings, ConfigError } from "../config.ts";
import { openDatabases } from "./deno_databases.ts";
import { createLineWriter } from "./deno_lines.ts";

export { isSqliteFile, openSqliteFile, readMigrations } from "./deno_databases.ts";

/** Makes an application of what the deployment hands over. */
export type Compose = (bindings: Bindings) => Application | Promise<Application>;

/** What a composition leaves to its entry. */
export interface ServeOptions {
  /** Where each database's SQL files are, by the variable that names the database. */
  readonly migrations?: Readonly<Record<string, URL>>;
  /** Milliseconds between two sweeps. */
  readonly sweepEveryMs?: number;
}

/** How long a stop waits for requests under way, in milliseconds. */
const maxDrainMs = 10_000;

/**
 * Serves a composition on Deno: opens databases, starts it, sweeps, and drains on
 * SIGTERM and SIGINT.
 *
 * `PORT` (default 8787) and `HOST` (default 127.0.0.1) say where. A start that cannot succeed ends the
 * process with one line that names the setting and never its value.
 */
export async function serve(compose: Compose, options: ServeOptions = {}): Promise<void> {
  try {
    await run(compose, options);
  } catch (error) {
    console.error(explain(error));
    Deno.exit(1);
  }
}

async function run(
  compose: Compose,
  { migrations = {}, sweepEveryMs = 5_000 }: ServeOptions,
): Promise<void> {
  const variables = readVariables();
  const databases = await openDatabases(variables, migrations);
  const lines = createLineWriter();
  const app = await compose({ ...variables, ...databases.bindings, LOG_SINK: lines.write });
  await app.start?.();
  const underWay = new Set<Promise<unknown>>();
  const waitUntil: Invocation["waitUntil"] = (work) => {
    underWay.add(work);
    work.finally(() => underWay.delete(work));
  };
  const port = Number(variables.PORT || 8787);
  const hostname = variables.HOST || "127.0.0.1";
  const server = Deno.serve({ port, hostname, onListen: () => {} }, (request, info) => {
    const peerAddress = "hostname" in info.remoteAddr ? info.remoteAddr.hostname : undefined;
    const invocation = { waitUntil, ...(peerAddress === undefined ? {} : { peerAddress }) };
    return runInvocation(invocation, () => app.fetch(request));
  });
  const stopSweeping = sweepRegularly(app, sweepEveryMs);
  const stop = async (): Promise<void> => {
    stopSweeping();
    const drained = server.shutdown().then(() => Promise.allSettled(underWay));
    // A stream may have no end: who has not finished by then is cut off.
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, maxDrainMs))]);
    lines.flush();
    databases.close();
    Deno.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, stop);
}

/** Login shells export `USER`, the person's name: only a URL can mean the user service. */
function readVariables(): Record<string, string> {
  const { USER, ...variables } = Deno.env.toObject();
  return USER !== undefined && URL.canParse(USER) ? { ...variables, USER } : variables;
}

/** One sweep at a time; a failure is the application's to log, and the next one tries again. */
function sweepRegularly(app: Application, everyMs: number): () => void {
  let running = false;
  const timer = setInterval(async () => {
    if (running || !app.sweep) return;
    running = true;
    await app.sweep().catch((error: unknown) => console.error(explain(error)));
    running = false;
  }, everyMs);
  return () => clearInterval(timer);
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof RangeError) return error.message;
  if (error instanceof Deno.errors.AddrInUse) {
    return "Cannot start: PORT is taken by another program";
  }
  return error instanceof Error ? `Cannot start: ${error.stack ?? error.message}` : "Cannot start";
}
