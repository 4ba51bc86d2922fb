import { isSqliteFile, scrubSqliteFile } from "@edgepass/shared/runtime/deno";
import { StoreUnavailable } from "@edgepass/shared/sql";
import { openEndpoints } from "./endpoints.ts";
import { toEnvFile } from "../workspace/env_file.ts";
import { toClientSettings } from "../workspace/environment.ts";
import {
  acquireLock,
  type Mode,
  openWorkspace,
  projectRoot,
  type Workspace,
  writeText,
} from "../workspace/workspace.ts";
import {
  describeDegraded,
  describeEnding,
  describeWait,
  exitCodeOf,
  isRefusal,
  livenessOf,
  readRefusal,
  readUnreadKeys,
  untilCausesRead,
  untilDead,
  waitUntilReady,
} from "./readiness.ts";
import { createLogs, type Logs } from "./logs.ts";
import { observe, requireTelemetrySettings } from "./observing.ts";
import { type Ansi, createAnsi } from "../terminal/text.ts";
import { placeApart, type Placement, placeTogether } from "./placement.ts";
import { type Ending, requireFreePort, type RunningProcess, startProcess } from "./processes.ts";
import {
  completeSettings,
  databases,
  type Given,
  readGiven,
  readPorts,
  type Settings,
} from "../workspace/settings.ts";
import { StartError } from "../workspace/start.ts";
import { listenForStop } from "./stop_signal.ts";
import { welcome } from "./welcome.ts";
import { migrateLocalD1, placeInWorkerd, writeWorkerFiles } from "./workers.ts";

export type { Mode } from "../workspace/workspace.ts";

/** A process gets this long to finish the requests it has begun. */
const graceMs = 3_000;
/** Only to tell a hang from a slow machine: workerd may bundle everything first. */
const readyTimeoutMs = 180_000;

/**
 * Runs the system until a signal or the end of one of its processes, and returns the exit code.
 *
 * @throws {StartError | ConfigError} when it cannot start; nothing is left running
 */
export async function runDev(mode: Mode): Promise<number> {
  const startedAt = performance.now();
  const given = readGiven(Deno.env.toObject());
  const { PORT, DASHBOARD_PORT } = readPorts(given);
  requireTelemetrySettings(given);
  await using cleanup = new AsyncDisposableStack();
  const stop = cleanup.use(listenForStop());
  const workspace = openWorkspace(given.EDGEPASS_HOME ?? `${projectRoot}.edgepass`);
  cleanup.defer(acquireLock(workspace));
  await requireFreePort("PORT", PORT);
  await requireFreePort("DASHBOARD_PORT", DASHBOARD_PORT);
  const ansi = createAnsi(Deno.stdout.isTerminal() && !Deno.noColor);
  const logs = createLogs({ workspace, ansi });
  cleanup.defer(logs.close);
  const end = { isRequested: false };
  stop.requested.then(() => end.isRequested = true);
  const system = start({ mode, workspace, given, logs, ansi, cleanup, startedAt, end });
  const outcome = await Promise.race([
    stop.requested.then((reason) => ({ reason })),
    system.then((ending) => ({ ending })),
  ]).catch((error: unknown) => {
    logs.showHeld();
    throw error;
  });
  if ("ending" in outcome) {
    logs.report("error", describeEnding(outcome.ending));
    return exitCodeOf(outcome.ending) || 1;
  }
  logs.showAll(false);
  // What is still starting fails now; the run is over, and its error is of no use any more.
  system.catch(() => {});
  logs.report("info", `Stopping everything (${outcome.reason})`);
  return 0;
}

interface Start {
  readonly mode: Mode;
  readonly workspace: Workspace;
  readonly given: Given;
  readonly logs: Logs;
  readonly ansi: Ansi;
  readonly cleanup: AsyncDisposableStack;
  readonly startedAt: number;
  /** Whether processes end because dev stops them. */
  readonly end: { isRequested: boolean };
}

/** Starts everything and resolves when one of the processes has ended. */
async function start(options: Start): Promise<Ending> {
  const { mode, workspace, given, logs, cleanup, end } = options;
  const base = await completeSettings(workspace, toModeDefaults(mode, given));
  if (mode !== "workers") await scrubDatabases(base);
  const endpoints = await openEndpoints(base, options);
  const { settings: complete, deliveries } = endpoints;
  const observer = await observe({ mode, workspace, given, endpoints, logs });
  cleanup.defer(observer.close);
  const { settings, processes } = place(mode, workspace, complete);
  writeText(workspace.at("dev.env"), toEnvFile(toClientSettings(settings)));
  if (mode === "workers") {
    writeWorkerFiles(workspace, settings);
    await migrateLocalD1(workspace, logs, cleanup);
  }
  const refusal = Promise.withResolvers<never>();
  refusal.promise.catch(() => {}); // It may reject when no code awaits it any more.
  const causes = new Map<string, string>();
  const running = processes.map((plan) => {
    const process = startProcess(plan, (line, from) => {
      logs.receive(line, from);
      const unread = readUnreadKeys(line);
      if (unread) causes.set(unread.issuer, unread.cause);
      const reason = mode === "workers" ? readRefusal(line) : undefined;
      if (reason !== undefined) refusal.reject(new StartError(reason));
    });
    const { port } = plan;
    observer.started({ name: process.name, pid: process.pid, port });
    process.ended.then((ending) => {
      observer.ended({ ...ending, isExpected: end.isRequested || isRefusal(ending) });
    });
    return { ...process, port };
  });
  cleanup.defer(() => {
    end.isRequested = true;
    deliveries.hold();
    return stopInOrder(running);
  });
  const host = URL.parse(settings.PUBLIC_ORIGIN)?.host ?? `127.0.0.1:${settings.PORT}`;
  const ended = Promise.race(running.map((process) => process.ended));
  const waitFor = (process: (typeof running)[number]) =>
    waitUntilReady(process, process.port, {
      timeoutMs: readyTimeoutMs,
      host,
      waiting: (detail) => logs.report("warn", describeWait(process.name, detail, causes)),
    });
  const [gateway, ...others] = running;
  // The gateway comes last: it loads the keys of auth when it starts, and not again for a while.
  await Promise.all(others.map(waitFor));
  const degraded = gateway ? await Promise.race([waitFor(gateway), refusal.promise]) : [];
  await untilCausesRead(degraded, causes);
  for (const issuer of degraded) logs.report("warn", describeDegraded(issuer, causes));
  deliveries.open();
  await welcome({ ...options, settings, host, observer });
  if (mode !== "workers") return await ended;
  return await Promise.race([ended, watchWorkerd(settings, host, cleanup)]);
}

/** wrangler lives on without workerd, whose end shows only in failed probes. */
async function watchWorkerd(
  { PORT }: Settings,
  host: string,
  cleanup: AsyncDisposableStack,
): Promise<Ending> {
  const ended = new AbortController();
  cleanup.defer(() => ended.abort());
  const found = await untilDead(livenessOf(Number(PORT), host, ended.signal));
  const lastLines = [found === "silent" ? "it does not respond" : "it refuses connections"];
  return { name: "workerd", code: 1, signal: null, lastLines };
}

/** A service's process may only read and write its own folder, which is too little for this. */
async function scrubDatabases(settings: Settings): Promise<void> {
  for (const name of Object.values(databases)) {
    const value = settings[name];
    if (isSqliteFile(value)) await scrubSqliteFile(value).catch(leaveToServices);
  }
}

/** A database that cannot be opened is reported by its service, when that starts. */
function leaveToServices(error: unknown): void {
  if (!(error instanceof StoreUnavailable)) throw error;
}

/** On Workers the address of a client is in a header that the platform sets. */
function toModeDefaults(mode: Mode, given: Given): Given {
  return mode === "workers" ? { CLIENT_ADDRESS: "cf-connecting-ip", ...given } : given;
}

function place(mode: Mode, workspace: Workspace, settings: Settings): Placement {
  if (mode === "workers") return placeInWorkerd(workspace, settings);
  return mode === "apart" ? placeApart(settings) : placeTogether(settings);
}

/** Callers before the services they call, so that requests under way still get a response. */
async function stopInOrder(running: readonly RunningProcess[]): Promise<void> {
  const [gateway, ...others] = running;
  await gateway?.stop(graceMs);
  await Promise.all(others.map((process) => process.stop(graceMs)));
}
