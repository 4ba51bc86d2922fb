import { toBanner } from "./banner.ts";
import { seedOnce } from "./demo_data.ts";
import { toEnvFile } from "./env_file.ts";
import { type Home, openHome, takeHome } from "./home.ts";
import { keepText } from "./kept.ts";
import { createLogs, type Logs } from "./logs.ts";
import { createPaint, type Paint } from "./paint.ts";
import { demoPeople } from "./people.ts";
import { placeApart, type Placement, placeTogether } from "./placement.ts";
import { requireFreePort } from "./ports.ts";
import { type Ending, projectRoot, type RunningProcess, startProcess } from "./processes.ts";
import { describeEnding, exitCodeOf, readRefusal, waitUntilReady } from "./readiness.ts";
import { openRedis } from "./redis_endpoint.ts";
import {
  completeSettings,
  type Given,
  readGiven,
  readPorts,
  serviceNames,
  services,
  type Settings,
} from "./settings.ts";
import { StartError } from "./start_error.ts";
import { listenForStop } from "./stop_signal.ts";
import { migrateLocalD1, placeInWorkerd, writeWorkerVariables } from "./workers.ts";

const modes = {
  together: { words: "all in one process", redis: "redis/dev.aof", seeded: "db/seeded" },
  apart: {
    words: "every service in a process of its own",
    redis: "redis/dev.aof",
    seeded: "db/seeded",
  },
  // Its databases are others, and so is the revocation list that is refilled from them.
  workers: { words: "in workerd", redis: "redis/workers.aof", seeded: "workers/seeded" },
} as const;
export type Mode = keyof typeof modes;

/** A process gets this long to answer what it has begun. */
const graceMs = 3_000;
const readyTimeoutMs = 60_000;

/**
 * Runs the system until it is asked to end or one of its processes ends, and returns the exit code.
 *
 * @throws {StartError | ConfigError} when it cannot start; nothing is left running
 */
export async function runDev(mode: Mode): Promise<number> {
  const startedAt = performance.now();
  const given = readGiven(Deno.env.toObject());
  const { PORT } = readPorts(given);
  await using cleanup = new AsyncDisposableStack();
  const stop = cleanup.use(listenForStop());
  const home = openHome(given.EDGEPASS_HOME ?? `${projectRoot}.edgepass`);
  cleanup.defer(takeHome(home));
  await requireFreePort("PORT", PORT);
  const paint = createPaint(Deno.stdout.isTerminal() && !Deno.noColor);
  const logs = createLogs({ home, paint });
  cleanup.defer(logs.close);
  const system = start({ mode, home, given, logs, paint, cleanup, startedAt });
  const outcome = await Promise.race([
    stop.requested.then((reason) => ({ reason })),
    system.then((ending) => ({ ending })),
  ]);
  if ("ending" in outcome) {
    logs.say("error", describeEnding(outcome.ending));
    return exitCodeOf(outcome.ending) || 1;
  }
  logs.showAll(false);
  // What is still starting fails now, and that is nobody's concern any more.
  system.catch(() => {});
  logs.say("info", `Ending everything (${outcome.reason})`);
  return 0;
}

interface Start {
  readonly mode: Mode;
  readonly home: Home;
  readonly given: Given;
  readonly logs: Logs;
  readonly paint: Paint;
  readonly cleanup: AsyncDisposableStack;
  readonly startedAt: number;
}

/** Starts everything and resolves when one of the processes has ended. */
async function start(options: Start): Promise<Ending> {
  const { mode, home, given, logs, cleanup } = options;
  const base = await completeSettings(home, toModeDefaults(mode, given));
  const redis = await openRedis(home, base, {
    file: modes[mode].redis,
    onError: (cause) => logs.say("error", `Redis endpoint: ${String(cause)}`),
  });
  cleanup.defer(redis.close);
  const { settings, processes } = place(mode, home, {
    ...base,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
  });
  keepText(home.at("dev.env"), toEnvFile(settings));
  if (mode === "workers") {
    writeWorkerVariables(home, settings);
    await migrateLocalD1(home, logs, cleanup);
  }
  const refusal = Promise.withResolvers<never>();
  refusal.promise.catch(() => {}); // It may come when nobody waits any more.
  const running = processes.map((plan) => {
    const process = startProcess(plan, (line, from) => {
      logs.hear(line, from);
      const said = mode === "workers" ? readRefusal(line) : undefined;
      if (said !== undefined) refusal.reject(new StartError(said));
    });
    return { ...process, port: plan.port };
  });
  cleanup.defer(() => stopInOrder(running));
  const host = URL.parse(settings.PUBLIC_ORIGIN)?.host ?? `127.0.0.1:${settings.PORT}`;
  const ended = Promise.race(running.map((process) => process.ended));
  const waitFor = (process: (typeof running)[number]) =>
    waitUntilReady(process, process.port, { timeoutMs: readyTimeoutMs, host });
  const [gateway, ...others] = running;
  // The gateway is asked last: it looks for the keys of auth when it is, and not again for a while.
  await Promise.all(others.map(waitFor));
  if (gateway) await Promise.race([waitFor(gateway), refusal.promise]);
  await welcome({ ...options, settings, host });
  return await ended;
}

/** On Workers the address of a client is in a header that the platform sets. */
function toModeDefaults(mode: Mode, given: Given): Given {
  return mode === "workers" ? { CLIENT_ADDRESS: "cf-connecting-ip", ...given } : given;
}

function place(mode: Mode, home: Home, settings: Settings): Placement {
  if (mode === "workers") return placeInWorkerd(home, settings);
  return mode === "apart" ? placeApart(settings) : placeTogether(settings);
}

/** Callers before those they call, so that what is under way can be answered. */
async function stopInOrder(running: readonly RunningProcess[]): Promise<void> {
  const [gateway, ...others] = running;
  await gateway?.stop(graceMs);
  await Promise.all(others.map((process) => process.stop(graceMs)));
}

async function welcome(
  { mode, home, given, logs, paint, startedAt, settings, host }: Start & {
    readonly settings: Settings;
    readonly host: string;
  },
): Promise<void> {
  const people = demoPeople(settings);
  const port = Number(settings.PORT);
  await seedOnce({ home, marker: modes[mode].seeded, port, host, people, logs });
  const isGiven = given.ADMIN_PASSWORD !== undefined;
  const admin = isGiven ? { ...people.admin, password: "(your ADMIN_PASSWORD)" } : people.admin;
  console.log(toBanner({
    mode: modes[mode].words,
    origin: settings.PUBLIC_ORIGIN,
    address: `http://127.0.0.1:${port}`,
    people: [admin, people.instructor, people.learner],
    home: home.root,
    services: mode === "apart" ? placesOf(settings) : [],
    seconds: (performance.now() - startedAt) / 1000,
    paint,
  }));
  logs.showAll(true);
}

function placesOf(settings: Settings): [name: string, url: string][] {
  return serviceNames.map((name) => [name, settings[services[name].place]]);
}
