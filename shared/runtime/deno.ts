import { trace } from "@opentelemetry/api";
import process from "node:process";
import * as z from "zod/mini";
import { ConfigError, integer, readConfig, setting } from "../composition/settings.ts";
import type { Application, Compose } from "../composition/upstream.ts";
import { createLogger } from "../context/request_context.ts";
import { type Invocation, runInvocation } from "../isolate.ts";
import type { Logger } from "../log.ts";
import {
  createTelemetry,
  registerContextManager,
  type RunningTelemetry,
} from "../telemetry/mod.ts";
import { openDatabases, readKeyFiles } from "./deno_files.ts";
import { createLineWriter, type LineWriter } from "./deno_terminal.ts";
import {
  createDrain,
  type Drain,
  type InFlight,
  listenForEver,
  type Listening,
  noteInFlight,
} from "./deno_server.ts";

export { asksForHelp, readArguments, type TaskUsage } from "./deno_terminal.ts";
export type { OpenSqlDb } from "../sql/node_sqlite.ts";
export { isSqliteFile, openSqliteFile, readMigrations, scrubSqliteFile } from "./deno_files.ts";

/** Options that the entry of a composition sets. */
export interface ServeOptions {
  /** The SQL files of each database, by the variable that names the database. */
  readonly migrations?: Readonly<Record<string, URL>>;
}

/** The settings of a process. */
export const processSettings = {
  PORT: setting(z._default(integer({ min: 1, max: 65_535 }), 8787), {
    meaning: "where a process listens",
  }),
  HOST: setting(z._default(z.string(), "127.0.0.1"), { meaning: "the address it listens on" }),
  DRAIN_DELAY_MS: setting(z._default(integer({ min: 0, max: 60_000 }), 0), {
    meaning:
      "how long it serves requests after SIGTERM, `/readyz` as 503, until balancers have reacted",
  }),
  INFLIGHT_FILE: z.optional(z.string()),
};

const Settings = z.object(processSettings);

/**
 * How long a stop waits for requests in flight, in milliseconds: a second more than the drain, in
 * which new connections are refused and accepted requests get their response.
 */
const maxDrainMs = 10_000;
/** Milliseconds between two maintenance runs. */
const maintainEveryMs = 5_000;
/** How long a stop waits for a collector that takes the last spans, in milliseconds. */
const maxLastExportMs = 1_000;

/**
 * Serves a composition on Deno: opens databases, starts it, runs its maintenance, and drains on
 * SIGTERM and SIGINT.
 *
 * `PORT` (default 8787) and `HOST` (default 127.0.0.1) set the address; `DRAIN_DELAY_MS` is the
 * time that a stop gives load balancers to notice before the process stops listening. A failed
 * start ends the process with one line that names the setting, and shows the value of these three
 * settings only.
 */
export async function serve(compose: Compose, options: ServeOptions = {}): Promise<void> {
  const lines = createLineWriter();
  try {
    await run(compose, options, lines);
  } catch (error) {
    lines.flush();
    console.error(explain(error));
    Deno.exit(1);
  }
}

async function run(
  compose: Compose,
  { migrations = {} }: ServeOptions,
  lines: LineWriter,
): Promise<void> {
  const variables = readVariables();
  const keys = await readKeyFiles(variables);
  const listening = readConfig(Settings, variables);
  const telemetry = createTelemetry(variables, { runtime: "deno", log: lines.write });
  registerContextManager();
  // Libraries that use the OpenTelemetry API get our tracer; the runtime's own is removed first.
  trace.setGlobalTracerProvider(telemetry.tracerProvider);
  const sink = (line: string): void => {
    lines.write(line);
    telemetry.logSink?.(line);
  };
  const databases = await openDatabases(variables, migrations);
  const app = await compose({
    ...variables,
    ...keys,
    ...databases.bindings,
    LOG_SINK: sink,
    TELEMETRY: telemetry,
  });
  await app.start?.();
  const log = createLogger({ service: "deno", sink });
  const drain = createDrain({ delayMs: listening.DRAIN_DELAY_MS });
  const underWay = new Set<Promise<unknown>>();
  const inFlight = listening.INFLIGHT_FILE ? noteInFlight(listening.INFLIGHT_FILE) : undefined;
  const server = listen(listening, createHandler(app, { drain, underWay, inFlight }), log);
  const stopMaintenance = maintainRegularly(app, log);
  const stopExporting = exportRegularly(telemetry);
  let isStopping = false;
  const stop = async (): Promise<void> => {
    // A terminal and `deno task` both send a signal, and a supervisor may repeat its own.
    if (isStopping) return;
    isStopping = true;
    stopMaintenance();
    stopExporting();
    const drained = drain.begin()
      .then(() => server.shutdown())
      .then(() => Promise.allSettled(underWay));
    // A stream may have no end: requests still in flight after this are cut off.
    await inTime(drained, listening.DRAIN_DELAY_MS + maxDrainMs);
    await inTime(telemetry.flush({ final: true }), maxLastExportMs);
    lines.flush();
    databases.close();
    Deno.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, stop);
}

/** `underWay` gets the work that continues after a response: the end of the process waits for it. */
function createHandler(
  app: Application,
  { drain, underWay, inFlight }: {
    readonly drain: Drain;
    readonly underWay: Set<Promise<unknown>>;
    readonly inFlight: InFlight | undefined;
  },
): Deno.ServeHandler {
  const waitUntil: Invocation["waitUntil"] = (work) => {
    const settled: Promise<unknown> = Promise.allSettled([work])
      .then(() => underWay.delete(settled));
    underWay.add(settled);
  };
  return function handle(request, info) {
    const peerAddress = "hostname" in info.remoteAddr ? info.remoteAddr.hostname : undefined;
    const invocation = { waitUntil, ...(peerAddress === undefined ? {} : { peerAddress }) };
    const end = inFlight?.begin(request);
    const response = runInvocation(
      invocation,
      () => drain.serve(request, info.completed, app.fetch),
    );
    return end ? Promise.resolve(response).finally(end) : response;
  };
}

function listen(
  { PORT: port, HOST: hostname }: z.output<typeof Settings>,
  handler: Deno.ServeHandler,
  log: Logger,
): Listening {
  try {
    const onLost = (cause: unknown) =>
      log.error("No connection can be accepted: listening again", { cause });
    return listenForEver({ port, hostname, handler, onLost });
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "is in use by another program"
      : "cannot be listened on";
    throw new ConfigError(`Cannot start: PORT ${port} of HOST ${hostname} ${reason}`);
  }
}

/** Waits for a promise, for a limited time. */
async function inTime(work: Promise<unknown>, maxMs: number): Promise<void> {
  await Promise.race([work, new Promise((resolve) => setTimeout(resolve, maxMs))]);
}

/** Login shells export `USER`, the person's name: only a URL can mean the user service. */
function readVariables(): Record<string, string> {
  const { USER, ...variables } = Deno.env.toObject();
  return USER !== undefined && URL.canParse(USER) ? { ...variables, USER } : variables;
}

function maintainRegularly(app: Application, log: Logger): () => void {
  const timer = setInterval(createMaintenance(app, log), maintainEveryMs);
  return () => clearInterval(timer);
}

function exportRegularly(telemetry: RunningTelemetry): () => void {
  const timer = setInterval(() => telemetry.flush(), telemetry.scheduleDelayMs);
  return () => clearInterval(timer);
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof RangeError) return error.message;
  return error instanceof Error ? `Cannot start: ${error.stack ?? error.message}` : "Cannot start";
}

/**
 * Creates the timer's callback: one maintenance run at a time, and while a long one runs its urgent
 * part. After a failure the next call retries.
 */
export function createMaintenance(
  app: Pick<Application, "maintain" | "maintainUrgent">,
  log: Logger,
): () => void {
  const maintain = oneAtATime(() => app.maintain?.(), log);
  const maintainUrgent = oneAtATime(() => app.maintainUrgent?.(), log);
  return function tick() {
    if (!maintain()) maintainUrgent();
  };
}

/** Returns whether it began; it does not while the previous call still runs. */
function oneAtATime(work: () => Promise<void> | undefined, log: Logger): () => boolean {
  let running = false;
  async function run(): Promise<void> {
    try {
      await work();
    } catch (cause) {
      log.error("Scheduled maintenance failed", { cause });
    } finally {
      running = false;
    }
  }
  return function begin() {
    if (running) return false;
    running = true;
    void run();
    return true;
  };
}

/** Processor time of this process so far, in milliseconds. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Processors besides the one that serves requests, at least one; a container's limit counts. */
export function spareProcessors(): number {
  return Math.max(1, navigator.hardwareConcurrency - 1);
}
