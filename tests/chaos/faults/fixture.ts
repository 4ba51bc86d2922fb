import { type ServiceName, serviceNames } from "../../../services/contracts/generated/services.ts";
import { machineVariables } from "../../../dev/workspace/environment.ts";
import { findFreePorts, type RunningProcess, startProcess } from "../../../dev/run/processes.ts";
import { uuidv7 } from "@edgepass/shared/sql";
import { admin, createSettings, randomSecret } from "../../settings.ts";
import { createEnvironment, type Environment as People } from "../../suite/product_environment.ts";
import { toBody } from "../../support/deliveries.ts";
import { signDelivery } from "../../support/events.ts";
import { startRecommender } from "../../support/recommender.ts";
import { startTcpProxy, type TcpProxy } from "../tcp_proxy.ts";
import { startBalancer } from "./balancer.ts";
import { type Disk, mountDisk } from "./disk.ts";
import { type Received, request, wait } from "./load.ts";
import { type FaultyRedis, startFaultyRedis } from "./redis_faults.ts";

/** A service of the product, by its folder. */
export const services = serviceNames;
export type { ServiceName };

/** Two gateways behind a balancer. */
export const gateways = ["gateway a", "gateway b"] as const;
export type GatewayName = typeof gateways[number];

/**
 * The product with every part in its own process, and a proxy in front of each called service, the
 * recommender and Redis.
 */
export interface Fixture extends AsyncDisposable {
  /** The balancer's origin. */
  readonly origin: string;
  readonly people: People;
  readonly recommender: ReturnType<typeof startRecommender>;
  readonly redis: FaultyRedis;
  readonly proxies: Readonly<Record<"course" | "user" | "recommender" | "redis", TcpProxy>>;
  /** The file system of course's database, where it can be mounted. */
  readonly disk: Disk | undefined;
  /** The services' database files. */
  readonly databases: Readonly<Record<ServiceName, string>>;
  get(path: string, token: string, init?: RequestInit): Promise<Received>;
  /** Ends a gateway by this signal, and starts it again; resolves when it is ready. */
  restart(name: GatewayName, how: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Ends every fault, and waits until the system is healthy. */
  heal(): Promise<void>;
}

export interface SchoolOptions {
  /** The folder of the databases. */
  readonly workspace: string;
  readonly revocationTimeoutMs: number;
}

const hostname = "127.0.0.1";
const root = new URL("../../..", import.meta.url);
/**
 * A generous Redis budget: other cases test it, and a process that has just started must not be
 * refused.
 */
const leastBudgetMs = 1_000;
/** The time that the balancer needs to notice a shutdown, with a margin. */
const drainDelayMs = 400;

/** Starts the fixture without faults. */
export async function startFixture(
  { workspace, revocationTimeoutMs }: SchoolOptions,
): Promise<Fixture> {
  await using resources = new AsyncDisposableStack();
  Deno.mkdirSync(`${workspace}/disk`);
  const disk = await mountDisk(`${workspace}/disk`);
  if (disk) resources.use(disk);
  const redis = resources.use(startFaultyRedis());
  const recommender = resources.use(startRecommender());
  const ports = findFreePorts(services.length + gateways.length);
  const portOf = (name: ServiceName | GatewayName) =>
    ports[[...services, ...gateways].indexOf(name)] ?? 0;
  const behind = async (port: number) => {
    const proxy = await startTcpProxy({ hostname, port });
    resources.defer(() => proxy.close());
    return proxy;
  };
  const proxies = {
    course: await behind(portOf("course")),
    user: await behind(portOf("user")),
    recommender: await behind(Number(new URL(recommender.settings.RECOMMENDER_URL).port)),
    redis: await behind(redis.reader.port),
  };
  const balancer = resources.use(await startBalancer(gateways.map(portOf)));
  const databases = Object.fromEntries(
    services.map((
      name,
    ) => [name, `${workspace}/${name === "course" ? "disk/" : ""}${name}.sqlite`]),
  ) as Record<ServiceName, string>; // One per name.
  const signingKey = `sig_${randomSecret()}`;
  const settings = await createSettings({ url: proxies.redis.url, token: redis.token });
  const placesOf = (course: string, user: string) => ({
    ...Object.fromEntries(
      services.map((name) => [name.toUpperCase(), `http://${hostname}:${portOf(name)}`]),
    ),
    COURSE: course,
    USER: user,
  });
  const direct = (name: ServiceName) => `http://${hostname}:${portOf(name)}`;
  const env = {
    ...machineVariables(Deno.env.toObject()),
    ...settings,
    ...recommender.settings,
    RECOMMENDER_URL: proxies.recommender.url,
    PUBLIC_ORIGIN: balancer.origin,
    REVOCATION_TIMEOUT_MS: String(Math.max(leastBudgetMs, revocationTimeoutMs)),
    QSTASH_CURRENT_SIGNING_KEY: signingKey,
    LOG_LEVEL: "error",
    ...Object.fromEntries(
      services.map((name) => [`${name.toUpperCase()}_DB`, `sqlite:${databases[name]}`]),
    ),
  };
  const running = new Map<ServiceName | GatewayName, RunningProcess>();
  const start = async (name: ServiceName | GatewayName): Promise<void> => {
    const service = services.find((one) => one === name);
    const program = service ? `services/${service}/deno.ts` : "app/gateway_deno.ts";
    const port = portOf(name);
    const process = startProcess({
      name,
      args: ["--allow-all", new URL(program, root).pathname],
      env: {
        ...env,
        // A gateway calls services directly: only connections between services have faults here.
        ...(service
          ? placesOf(proxies.course.url, proxies.user.url)
          : { ...placesOf(direct("course"), direct("user")), DRAIN_DELAY_MS: `${drainDelayMs}` }),
        ...(service ? { UPSTASH_REDIS_REST_URL: urlOf(redis.writer) } : {}),
        PORT: String(port),
      },
    }, () => {});
    running.set(name, process);
    await untilAnswered(`http://${hostname}:${port}/${service ? "livez" : "readyz"}`);
  };
  resources.defer(async () => {
    await Promise.all([...running.values()].map((process) => process.stop(3_000)));
  });
  await Promise.all(services.map(start));
  await Promise.all(gateways.map(start));
  const target = {
    origin: balancer.origin,
    admin,
    settings: { ...settings, PUBLIC_ORIGIN: balancer.origin },
    services: {},
    fetch: (path: string, init?: RequestInit) => fetch(balancer.origin + path, init),
    maintain: () => Promise.resolve(),
    flushRedis: () => redis.flush(),
    redis: async (...command: readonly string[]) => void await redis.write(...command),
    setRedisReadOnly: () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const people = await createEnvironment(target);
  for (const title of ["Knots", "Sailing", "Wind"]) {
    await formatRecommendation(balancer.origin, signingKey, title);
  }
  const owned = resources.move();
  const fixture: Fixture = {
    origin: balancer.origin,
    people,
    recommender,
    redis,
    proxies,
    disk,
    databases,
    get: (path, token, init = {}) =>
      request(balancer.origin + path, {
        ...init,
        headers: {
          ...(init.headers as Record<string, string> | undefined),
          authorization: `Bearer ${token}`,
        },
      }),
    async restart(name, how) {
      const process = running.get(name);
      if (how === "SIGKILL") process?.kill();
      else await process?.stop(15_000);
      await process?.ended;
      await start(name);
      await wait(150); // The balancer must notice it.
    },
    async heal() {
      redis.set({ kind: "well" });
      await recommender.fail();
      for (const proxy of Object.values(proxies)) await proxy.set({ kind: "none" });
      await untilWell(fixture);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  await untilWell(fixture);
  return fixture;
}

async function untilWell(fixture: Fixture): Promise<void> {
  const { learner, ids } = fixture.people;
  const deadline = performance.now() + 30_000;
  for (let inARow = 0; inARow < 3;) {
    const responses = await Promise.all([
      fixture.get("/recommendations", learner.token),
      fixture.get(`/courses/${ids.course}`, learner.token),
      enrollAgain(fixture),
    ]);
    const [suggested, course, enrolled] = responses;
    const isWell = suggested?.source === "live" && course?.status === 200 &&
      enrolled?.status === 409;
    inARow = isWell ? inARow + 1 : 0;
    if (performance.now() > deadline) {
      throw new Error(`Not healthy again: ${JSON.stringify(responses)}`);
    }
    await wait(50);
  }
}

/** Makes enrollment call course; a user who is already enrolled gets 409. */
export function enrollAgain({ get, people: { learner, ids } }: Fixture): Promise<Received> {
  return get("/enrollments", learner.token, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ courseId: ids.course }),
  });
}

async function formatRecommendation(origin: string, key: string, title: string): Promise<void> {
  const path = "/events/recommendation";
  const event = { type: "course.published", subject: uuidv7(), data: { title } } as const;
  const body = toBody(event, Date.now());
  const response = await fetch(origin + path, {
    method: "POST",
    headers: {
      "content-type": "application/cloudevents+json",
      "upstash-signature": await signDelivery(origin + path, body, { key }),
    },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot publish a course: ${response.status} ${text}`);
}

async function untilAnswered(url: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while ((await request(url)).status !== 200) {
    if (performance.now() > deadline) throw new Error(`No response at ${url}`);
    await wait(25);
  }
}

function urlOf({ port }: Deno.NetAddr): string {
  return `http://${hostname}:${port}`;
}
