import { type ServiceName, serviceNames } from "../../services/contracts/generated/services.ts";
import { createEmbeddedRedis, createRedisRest } from "@edgepass/local/redis";
import { machineVariables } from "../../dev/workspace/environment.ts";
import { findFreePorts } from "../../dev/run/processes.ts";
import { eventServices, places } from "../../app/generated/routes.ts";
import { migrations } from "../../app/generated/migrations_deno.ts";
import { migrate } from "@edgepass/shared/sql";
import { openNodeSqlite } from "../../shared/sql/node_sqlite.ts";
import { readMigrations } from "../../shared/runtime/deno_files.ts";
import { admin, createSettings, randomSecret } from "../settings.ts";
import { auditDatabase } from "./audit.ts";
import { type Death, type Member, startMember } from "./member.ts";

/** Services of the product, by folder. */
export const services = serviceNames;
export type { ServiceName };

/** Services that publish or consume events: their databases have the tables of the platform. */
const withEvents: readonly string[] = eventServices.map((place) => places[place]);
export const audited = services.filter((name) => withEvents.includes(name));

/** Every process of the system. */
export const processes = ["gateway", ...services, "qstash"] as const;
export type ProcessName = typeof processes[number];

/** The product with every part in its own process, each restarted when it dies. */
export interface System extends AsyncDisposable {
  readonly origin: string;
  readonly admin: { readonly email: string; readonly password: string };
  readonly members: Readonly<Record<ProcessName, Member>>;
  /** The services' database files. */
  readonly databases: Readonly<Record<ServiceName, string>>;
  readonly qstash: { readonly url: string; readonly token: string; readonly file: string };
  /** All deaths so far. */
  readonly deaths: readonly Death[];
}

/** Options of a system. */
export interface SystemOptions {
  /** The folder for databases, logs, and other files for later inspection. */
  readonly workspace: string;
}

const root = new URL("../../", import.meta.url);
const hostname = "127.0.0.1";

/** One value for each name. */
export function forEach<Name extends string, Value>(
  names: readonly Name[],
  make: (name: Name, at: number) => Value,
): Readonly<Record<Name, Value>> {
  // Every name is in the list, so every member of the type exists.
  return Object.fromEntries(names.map((name, at) => [name, make(name, at)])) as Record<Name, Value>;
}

/** Starts the system with empty databases, whose changes are recorded by triggers. */
export async function startSystem({ workspace }: SystemOptions): Promise<System> {
  await using resources = new AsyncDisposableStack();
  const redis = serveRedis(resources);
  const ports = findFreePorts(processes.length);
  const origins = forEach(processes, (_name, at) => `http://${hostname}:${ports[at]}`);
  const databases = forEach(services, (name) => `${workspace}/${name}.sqlite`);
  for (const name of services) await prepareDatabase(name, databases[name]);
  const qstash = { url: origins.qstash, token: randomSecret(), file: `${workspace}/qstash.sqlite` };
  const env = {
    ...machineVariables(Deno.env.toObject()),
    ...await createSettings(redis),
    ...settingsOf({ origins, databases, qstash }),
  };
  const deaths: Death[] = [];
  const members = forEach(processes, (name, at) => {
    const member = startMember({
      plan: {
        name,
        args: ["--allow-all", ...programOf(name, { port: ports[at], file: qstash.file })],
        env: { ...env, PORT: String(ports[at]) },
      },
      origin: origins[name],
      logFile: `${workspace}/${name}.log`,
      onDeath: (death) => void deaths.push(death),
    });
    resources.defer(() => member.stop());
    return member;
  });
  for (const member of Object.values(members)) await member.ready();
  const owned = resources.move();
  return {
    origin: origins.gateway,
    admin,
    members,
    databases,
    qstash,
    deaths,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function programOf(
  name: ProcessName,
  { port, file }: { port: number | undefined; file: string },
): string[] {
  const at = (path: string) => new URL(path, root).pathname;
  if (name === "gateway") return [at("app/gateway_deno.ts")];
  if (name !== "qstash") return [at("tests/chaos/entry.ts"), name];
  return [at("local/qstash/main.ts"), "--file", file, "--port", String(port)];
}

function settingsOf(
  { origins, databases, qstash }: {
    origins: Readonly<Record<ProcessName, string>>;
    databases: Readonly<Record<ServiceName, string>>;
    qstash: { readonly token: string };
  },
): Record<string, string> {
  return {
    PUBLIC_ORIGIN: origins.gateway,
    ...Object.fromEntries(services.flatMap((name) => [
      [name.toUpperCase(), origins[name]],
      [`${name.toUpperCase()}_DB`, `sqlite:${databases[name]}`],
    ])),
    QSTASH_URL: origins.qstash,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: `sig_${randomSecret()}`,
    QSTASH_NEXT_SIGNING_KEY: `sig_${randomSecret()}`,
    LOG_LEVEL: "warn",
  };
}

/** Redis is never killed: its content can be rebuilt, and has no events. */
function serveRedis(resources: AsyncDisposableStack): { url: string; token: string } {
  const token = randomSecret();
  const backend = createEmbeddedRedis();
  resources.defer(() => backend.close());
  const rest = createRedisRest({ backend, token });
  const server = Deno.serve({ hostname, port: 0, onListen() {} }, (request) => rest(request));
  resources.defer(() => server.shutdown());
  return { url: `http://${hostname}:${server.addr.port}`, token };
}

async function prepareDatabase(name: ServiceName, path: string): Promise<void> {
  const folder = new Map<string, URL>(Object.entries(migrations)).get(`${name.toUpperCase()}_DB`);
  // A service without a database has a file without tables.
  const database = openNodeSqlite(path);
  if (folder) await migrate(database, await readMigrations(folder));
  database.close();
  if (audited.includes(name)) auditDatabase(name, path);
}
