import { compose } from "@edgepass/app/compose";
import { composeAll } from "@edgepass/app/all";
import { createEmbeddedRedis, createRedisRest, type RedisBackend } from "@edgepass/local/redis";
import type { Application, Bindings } from "@edgepass/shared/configuration";
import { runInvocation } from "@edgepass/shared/context";
import { withoutPrivateKeys } from "@edgepass/shared/passport";
import { migrate, type SqlDb } from "@edgepass/shared/sql";
import { createTelemetry, type RunningTelemetry } from "@edgepass/shared/telemetry";
import { openNodeSqlite, type OpenSqlDb } from "../shared/sql/node_sqlite.ts";
import { createTestHarness } from "wrangler";
import { docsFiles } from "../app/docs_deno.ts";
import { migrations } from "../app/generated/migrations_deno.ts";
import { services as declarations } from "../app/generated/services.ts";
import { maintainEach } from "../app/maintenance.ts";
import { readMigrations } from "../shared/runtime/deno_files.ts";
import { withBuiltWorkers } from "./support/built_workers.ts";
import { admin, createSettings, publicOrigin } from "./settings.ts";

/** A running installation, as its clients see it. */
export interface Target extends AsyncDisposable {
  readonly origin: string;
  readonly admin: { readonly email: string; readonly password: string };
  /** Its settings with its keys, so that a test can sign as the installation. */
  readonly settings: Readonly<Record<string, string>>;
  /** Services with their own address, in placements that have one. */
  readonly services: Readonly<Partial<Record<ServiceName, Fetch>>>;
  readonly fetch: Fetch;
  /** Each service's database, in placements where a test can read it. */
  readonly databases?: Readonly<Record<string, SqlDb>>;
  /** Runs the scheduled maintenance; no timer or cron runs in a target. */
  maintain(): Promise<void>;
  /** Empties Redis, as an eviction or an operator could. */
  flushRedis(): Promise<void>;
  /** Runs one command in Redis and returns its reply. */
  redis(...command: readonly string[]): Promise<unknown>;
  /** Makes Redis refuse every write, or accept writes again. */
  setRedisReadOnly(isReadOnly: boolean): void;
}

/** Sends a request to this target's address. */
export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

/** Services of the product, by folder name. */
export type ServiceName = keyof typeof declarations;

const root = new URL("../", import.meta.url).pathname;
const services = Object.keys(declarations) as readonly ServiceName[];

/** As Deno's entry points set them. */
const effects = {
  pipelineAutomatically: true,
  measuresLateness: true,
  hashingProcessors: 1,
  docs: docsFiles,
};

/** Settings of a target in addition to those of every installation. */
export type MoreSettings = Readonly<Record<string, string>>;

/** Every service and the gateway in one process. */
async function denoAllInOne(more: MoreSettings = {}): Promise<Target> {
  await using resources = new AsyncDisposableStack();
  const redis = startRedis(resources);
  const databases = await openDatabases(resources);
  const settings = { ...await createSettings(redis), ...more };
  const telemetry = observe(settings);
  const app = await composeAll({ ...settings, ...databases, ...toBindings(telemetry) }, effects);
  await app.start?.();
  const fetch = fetchAt(listen(resources, app, telemetry).origin);
  const maintain = async () => await app.maintain?.();
  return toTarget({ fetch, maintain, settings, databases, redis }, resources.move());
}

/** Each service behind its own URL. */
async function denoSplit(more: MoreSettings = {}): Promise<Target> {
  await using resources = new AsyncDisposableStack();
  const redis = startRedis(resources);
  const databases = await openDatabases(resources);
  const settings = { ...await createSettings(redis), ...more };
  const apps = new Map<ServiceName, Application>();
  // Every address first: a service may call one that starts after it.
  const places = services.map((name) => {
    const telemetry = observe(settings);
    const { origin } = listen(resources, {
      fetch: (request) => apps.get(name)?.fetch(request) ?? new Response(null, { status: 503 }),
    }, telemetry);
    return { name, telemetry, origin };
  });
  const bindings: Bindings = {
    ...settings,
    ...databases,
    ...Object.fromEntries(places.map(({ name, origin }) => [declarations[name].place, origin])),
  };
  for (const { name, telemetry } of places) {
    const own = withoutPrivateKeys({ ...bindings, ...toBindings(telemetry) });
    const app = declarations[name].compose(own);
    await app.start?.();
    apps.set(name, app);
  }
  const direct = Object.fromEntries(places.map(({ name, origin }) => [name, fetchAt(origin)]));
  const telemetry = observe(settings);
  const gateway = await compose({ ...bindings, ...toBindings(telemetry) }, {}, effects);
  const fetch = fetchAt(listen(resources, gateway, telemetry).origin);
  const maintain = () => maintainEach([...apps.values()]);
  return toTarget(
    { fetch, maintain, settings, databases, redis, services: direct },
    resources.move(),
  );
}

/** Every service and the gateway in one Worker. */
async function workerdAllInOne(more: MoreSettings = {}): Promise<Target> {
  return await startWorkers(more, (settings) => [
    { configPath: "./wrangler.toml", ...split(settings) },
  ], { edgepass: services });
}

/** The gateway and each service as Workers, joined by service bindings. */
async function workerdSplit(more: MoreSettings = {}): Promise<Target> {
  return await startWorkers(more, (settings) => [
    { configPath: "./wrangler.split.toml", ...split(settings) },
    ...services.map((name) => ({
      configPath: `./services/${name}/wrangler.toml`,
      ...split(toTexts(withoutPrivateKeys(settings))),
    })),
  ], Object.fromEntries(services.map((name) => [`edgepass-${name}`, [name]])));
}

/** Placements of the product; all behave equally. */
export const targets = {
  "Deno, all in one": denoAllInOne,
  "Deno, split": denoSplit,
  "workerd, all in one": workerdAllInOne,
  "workerd, split": workerdSplit,
} as const satisfies Record<string, (more?: MoreSettings) => Promise<Target>>;

/** As Deno's adapter does it. */
function observe(settings: MoreSettings): RunningTelemetry {
  return createTelemetry(settings, { runtime: "deno", log: () => {} });
}

/** Log lines go to the collector, where there is one. */
function toBindings(telemetry: RunningTelemetry): Bindings {
  const { logSink } = telemetry;
  return { TELEMETRY: telemetry, ...(logSink ? { LOG_SINK: logSink } : {}) };
}

interface TestRedis {
  readonly url: string;
  readonly token: string;
  run(...command: readonly string[]): Promise<unknown>;
  setReadOnly(isReadOnly: boolean): void;
}

/** The commands that a read-only Redis still accepts: enough to check revocation. */
const readCommands = new Set(["get", "mget", "exists", "ttl", "ping"]);

function startRedis(resources: AsyncDisposableStack): TestRedis {
  const token = crypto.randomUUID();
  const embedded = createEmbeddedRedis();
  resources.defer(() => embedded.close());
  let isReadOnly = false;
  const backend: RedisBackend = {
    ...embedded,
    execute(command) {
      const name = String(command[0]).toLowerCase();
      return isReadOnly && !readCommands.has(name)
        ? Promise.resolve({ error: "READONLY You can't write against a read only replica" })
        : embedded.execute(command);
    },
  };
  const rest = createRedisRest({ backend, token });
  const { origin } = listen(resources, { fetch: rest });
  const run = async (...command: readonly string[]): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}` };
    const body = JSON.stringify(command);
    return (await (await fetch(origin, { method: "POST", headers, body })).json()).result;
  };
  const setReadOnly = (value: boolean) => void (isReadOnly = value);
  return { url: origin, token, run, setReadOnly };
}

async function openDatabases(resources: AsyncDisposableStack): Promise<Record<string, OpenSqlDb>> {
  const open = Object.entries(migrations).map(async ([name, folder]) => {
    const database = openNodeSqlite(":memory:");
    resources.defer(() => database.close());
    await migrate(database, await readMigrations(folder));
    return [name, database] as const;
  });
  return Object.fromEntries(await Promise.all(open));
}

/** Serves an application on a free loopback port. */
function listen(
  resources: AsyncDisposableStack,
  app: Pick<Application, "fetch">,
  telemetry?: RunningTelemetry,
): { origin: string } {
  const underWay = new Set<Promise<unknown>>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request, info) => {
      const waitUntil = (work: Promise<unknown>) => void underWay.add(work);
      const peerAddress = info.remoteAddr.hostname;
      const response = runInvocation({ waitUntil, peerAddress }, () => app.fetch(request));
      if (telemetry) waitUntil(Promise.resolve(response).finally(() => telemetry.flush()));
      return response;
    },
  );
  resources.defer(async () => {
    await server.shutdown();
    await Promise.allSettled(underWay);
  });
  return { origin: `http://127.0.0.1:${server.addr.port}` };
}

function fetchAt(origin: string): Fetch {
  return (path, init) => fetch(origin + path, { redirect: "manual", ...init });
}

function toTarget(
  { redis, services = {}, ...parts }:
    & Pick<Target, "fetch" | "maintain" | "settings">
    & Partial<Pick<Target, "services" | "databases">>
    & { readonly redis: TestRedis },
  resources: AsyncDisposableStack,
): Target {
  return {
    origin: publicOrigin,
    admin,
    ...parts,
    services,
    flushRedis: async () => void await redis.run("FLUSHALL"),
    redis: redis.run,
    setRedisReadOnly: redis.setReadOnly,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

type Harness = ReturnType<typeof createTestHarness>;
/** A Worker of the harness, by its Wrangler file. */
interface Worker {
  readonly configPath: string;
  readonly vars: Record<string, string>;
  readonly secrets: Record<string, string>;
}

async function startWorkers(
  more: MoreSettings,
  workers: (settings: Record<string, string>) => readonly Worker[],
  servicesOf: Readonly<Record<string, readonly ServiceName[]>>,
): Promise<Target> {
  await using resources = new AsyncDisposableStack();
  const redis = startRedis(resources);
  const settings = { ...await createSettings(redis), ...more };
  const harness = createTestHarness({ root, workers: await withBuiltWorkers(workers(settings)) });
  resources.defer(() => harness.close());
  const { url } = await harness.listen();
  for (const [worker, names] of Object.entries(servicesOf)) {
    for (const name of names) {
      const { database } = declarations[name];
      if (database !== undefined) await harness.getWorker(worker).applyD1Migrations(database);
    }
  }
  await becomeReady(url);
  const direct = Object.entries(servicesOf)
    .flatMap(([worker, [name = "", ...others]]) =>
      others.length === 0 ? [[name, fetchWorker(harness, worker)]] : []
    );
  return toTarget({
    fetch: fetchAt(url.origin),
    async maintain() {
      const cron = { cron: "* * * * *", scheduledTime: new Date() };
      for (const worker of Object.keys(servicesOf)) await harness.getWorker(worker).scheduled(cron);
    },
    settings,
    redis,
    services: Object.fromEntries(direct),
  }, resources.move());
}

/** Calls a Worker without a route of its own, as a service binding would. */
function fetchWorker(harness: Harness, worker: string): Fetch {
  return async (path, { method = "GET", headers, body } = {}) => {
    const request = { method, headers: [...new Headers(headers)] as [string, string][] };
    const sent = typeof body === "string" ? { ...request, body } : request;
    const response = await harness.getWorker(worker).fetch(path, { ...sent, redirect: "manual" });
    const text = await response.text();
    return new Response(text === "" ? null : text, {
      status: response.status,
      headers: [...response.headers],
    });
  };
}

/** On Workers nothing runs at the start: the first readiness check requests the revocation list. */
async function becomeReady(url: URL): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const response = await fetch(new URL("/readyz", url));
    await response.body?.cancel();
    if (response.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("Target does not become ready");
}

/** Bindings without undefined values are strings. */
function toTexts(bindings: Bindings): Record<string, string> {
  return Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, String(value)]));
}

const secretNames = /_KEYS$|_KEY$|_TOKEN$|_PASSWORD$/;

function split(settings: Record<string, string>) {
  const entries = Object.entries(settings);
  return {
    vars: Object.fromEntries(entries.filter(([name]) => !secretNames.test(name))),
    secrets: Object.fromEntries(entries.filter(([name]) => secretNames.test(name))),
  };
}
