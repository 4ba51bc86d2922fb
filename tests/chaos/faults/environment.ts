import { services } from "../../../app/services.ts";
import { machineVariables } from "../../../dev/workspace/environment.ts";
import { findFreePorts, type RunningProcess, startProcess } from "../../../dev/run/processes.ts";
import { createSettings } from "../../settings.ts";
import { createIssuerKey, signParts } from "../../suite/gateway_tokens.ts";
import { startTcpProxy, type TcpProxy } from "../tcp_proxy.ts";
import { drive, type Received, request, type Tally, wait } from "./load.ts";
import { type FaultyRedis, startFaultyRedis } from "./redis_faults.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

/** A user with an access token of a trusted issuer. */
export interface Person {
  readonly sub: string;
  readonly token: string;
}

/** Four gateways, an upstream service, Redis and an issuer, each behind a proxy. */
export interface Environment extends AsyncDisposable {
  readonly gateways: readonly string[];
  readonly processes: readonly RunningProcess[];
  readonly redis: FaultyRedis;
  readonly upstream: Upstream;
  readonly proxies: Readonly<Record<"redis" | "upstream" | "jwks" | "auth", TcpProxy>>;
  readonly people: readonly Person[];
  /** Number of requests for the key set. */
  jwksCalls(): number;
  /** A user whose token has these claims, for example an early exp. */
  sign(claims: Readonly<Record<string, unknown>>): Promise<Person>;
  /** Revokes a user's older tokens, as auth does. */
  revoke(person: Person): Promise<void>;
  get(
    path: string,
    options?: { person?: Person; gateway?: number; init?: RequestInit },
  ): Promise<Received>;
  /** Sends at a steady rate, one user after the other. */
  drive(options: {
    readonly path: string;
    readonly perSecond?: number;
    readonly isPublic?: boolean;
    readonly init?: RequestInit;
    readonly during: () => Promise<void>;
  }): Promise<Tally>;
  /** Starts one more gateway, with Deno flags and further settings. */
  startGateway(
    options?: {
      readonly flags?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    },
  ): Promise<Gateway>;
  /** Ends every fault, and waits until the system is healthy. */
  heal(): Promise<void>;
}

/** A gateway in addition to the four. */
export interface Gateway extends AsyncDisposable {
  readonly origin: string;
  readonly process: RunningProcess;
}

export interface EnvironmentOptions {
  /** Budget of the revocation check in milliseconds; a deployment's default is 150. */
  readonly revocationTimeoutMs: number;
  readonly peopleCount?: number;
}

const root = new URL("../../..", import.meta.url).pathname;
const hostname = "127.0.0.1";
const issuer = "https://people.example";
const audience = "faults";

/** Starts the environment without faults. */
export async function startEnvironment(
  { revocationTimeoutMs, peopleCount = 20 }: EnvironmentOptions,
): Promise<Environment> {
  await using resources = new AsyncDisposableStack();
  const redis = resources.use(startFaultyRedis());
  const upstream = resources.use(startUpstream());
  const key = await createIssuerKey("EdDSA", "f1");
  let jwksCalls = 0;
  const jwks = serve(resources, () => {
    jwksCalls++;
    return Response.json({ keys: [key.jwk] });
  });
  // A fake auth with the durable log: a rebuild request fills the list.
  const revoked = new Map<string, string>();
  const rebuild = async (): Promise<void> => {
    for (const [sub, mark] of revoked) {
      await redis.write("SET", `rv:u:people:${sub}`, mark);
    }
    await redis.write("SET", "rv:ready", "1");
  };
  await rebuild();
  const auth = serve(resources, async (request) => {
    if (!new URL(request.url).pathname.endsWith("/refill")) return Response.json({ keys: [] });
    await rebuild();
    return new Response(null, { status: 204 });
  });
  const proxies = {
    redis: await startTcpProxy(redis.reader),
    upstream: await startTcpProxy(upstream.addr),
    jwks: await startTcpProxy(jwks),
    auth: await startTcpProxy(auth),
  };
  for (const proxy of Object.values(proxies)) resources.defer(() => proxy.close());
  const route = (prefix: string, more: object) => ({
    prefix,
    upstream: proxies.upstream.url,
    access: "authenticated",
    timeoutMs: 1000,
    ...more,
  });
  const env = {
    ...machineVariables(Deno.env.toObject()),
    ...await createSettings({ url: proxies.redis.url, token: redis.token }),
    REVOCATION_TIMEOUT_MS: String(revocationTimeoutMs),
    ISSUERS: JSON.stringify([{
      alias: "people",
      iss: issuer,
      audience,
      jwks: proxies.jwks.url,
      algorithms: ["EdDSA"],
      maxLifeSeconds: 86_400,
    }]),
    ROUTES: JSON.stringify([
      route("/echo", {}),
      route("/raw", { envelope: false, timeoutMs: 5000 }),
      // For cases in which the time limit must not be the bottleneck.
      route("/patient", { timeoutMs: 5000 }),
      route("/open", { access: "public" }),
      route("/bounded", { revocation: { boundedMs: 2000 } }),
      route("/other", { upstream: `http://${hostname}:${upstream.addr.port}` }),
    ]),
    ...Object.fromEntries(
      services.map((name) => [name.toUpperCase(), proxies.auth.url]),
    ),
  };
  const ports = findFreePorts(4);
  const processes = ports.map((port, at) => startGateway(resources, { port, env, at }));
  const gateways = ports.map((port) => `http://${hostname}:${port}`);
  await Promise.all(gateways.map(untilReady));

  const sign: Environment["sign"] = async (claims) => {
    const iat = Math.floor(Date.now() / 1000);
    const sub = crypto.randomUUID();
    const payload = { iss: issuer, aud: audience, sub, iat, exp: iat + 3600, ...claims };
    const header = { alg: "EdDSA", typ: "at+jwt", kid: "f1" };
    return { sub: `user:people:${payload.sub}`, token: await signParts({ header, payload, key }) };
  };
  const people = await Promise.all(Array.from({ length: peopleCount }, () => sign({})));
  const init = (person: Person | undefined, more: RequestInit = {}): RequestInit => ({
    ...more,
    headers: {
      ...(more.headers as Record<string, string> | undefined),
      ...(person ? { authorization: `Bearer ${person.token}` } : {}),
    },
  });
  const owned = resources.move();
  const environment: Environment = {
    gateways,
    processes,
    redis,
    upstream,
    proxies,
    people,
    jwksCalls: () => jwksCalls,
    sign,
    async revoke({ sub }) {
      const id = sub.slice("user:people:".length);
      revoked.set(id, String(Math.floor(Date.now() / 1000) + 60));
      await redis.write("SET", `rv:u:people:${id}`, revoked.get(id) ?? "");
    },
    get: (path, { person, gateway = 0, init: more } = {}) =>
      request(`${gateways[gateway]}${path}`, init(person, more)),
    drive: ({ path, perSecond = 50, isPublic = false, init: more, during }) =>
      drive({
        perSecond,
        during,
        send(at) {
          const person = isPublic ? undefined : people[at % people.length];
          const response = request(`${gateways[0]}${path}`, init(person, more));
          return { caller: person?.sub ?? "anon", response };
        },
      }),
    async startGateway({ flags = [], env: more = {} } = {}) {
      await using own = new AsyncDisposableStack();
      const [port = 0] = findFreePorts(1);
      const process = startGateway(own, {
        port,
        env: { ...env, ...more },
        at: gateways.length,
        flags,
      });
      const origin = `http://${hostname}:${port}`;
      await untilReady(origin);
      const moved = own.move();
      return { origin, process, [Symbol.asyncDispose]: () => moved.disposeAsync() };
    },
    async heal() {
      redis.set({ kind: "well" });
      upstream.setFailing(false);
      for (const proxy of Object.values(proxies)) await proxy.set({ kind: "none" });
      await untilWell(environment);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  await untilWell(environment);
  return environment;
}

/** A strict route, a route over another connection, and every breaker closed. */
async function untilWell(environment: Environment): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (let inARow = 0; inARow < 5;) {
    const [person] = environment.people;
    if (!person) throw new TypeError("There is no user");
    const responses = await Promise.all(
      environment.gateways.flatMap((_, gateway) =>
        ["/echo/ok", "/raw/ok", "/other/ok"].map((path) =>
          environment.get(path, { person, gateway })
        )
      ),
    );
    inARow = responses.every(({ status }) => status === 200) ? inARow + 1 : 0;
    if (performance.now() > deadline) {
      throw new Error(`Not healthy again: ${JSON.stringify(responses)}`);
    }
    await wait(100);
  }
}

function startGateway(
  resources: AsyncDisposableStack,
  { port, env, at, flags = [] }: {
    readonly port: number;
    readonly env: Readonly<Record<string, string>>;
    readonly at: number;
    readonly flags?: readonly string[];
  },
): RunningProcess {
  const process = startProcess({
    name: `gateway ${at}`,
    args: [
      ...flags,
      "--allow-net",
      "--allow-env",
      `--allow-read=${root}`,
      `${root}app/gateway_deno.ts`,
    ],
    env: {
      ...env,
      PORT: String(port),
      PUBLIC_ORIGIN: `http://${hostname}:${port}`,
      ISSUER: "http://faults.test",
      LOG_LEVEL: "error",
    },
  }, () => {});
  resources.defer(() => process.stop(3_000));
  return process;
}

async function untilReady(origin: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while ((await request(`${origin}/livez`)).status !== 200) {
    if (performance.now() > deadline) throw new Error("A gateway does not start");
    await wait(50);
  }
}

function serve(
  resources: AsyncDisposableStack,
  handler: (request: Request) => Response | Promise<Response>,
): Deno.NetAddr {
  const server = Deno.serve({ hostname, port: 0, onListen() {} }, handler);
  resources.defer(() => server.shutdown());
  return server.addr;
}
