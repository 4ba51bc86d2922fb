import * as jose from "jose";
import { createTestHarness } from "wrangler";
import { randomSecret } from "../settings.ts";
import { startRedis, type TestRedis } from "./auth_service.ts";
import { freePort, isListening } from "./dev_system.ts";
import { projectRoot, readFences, readProjectFile, writeFiles } from "./markdown.ts";
import { waitUntil } from "./wait.ts";

const page = "docs/only-the-gateway.md";

/** Claims of a token beside those that every token has. */
export interface TokenClaims {
  readonly sub: string;
  readonly jti?: string;
  readonly sid?: string;
  readonly groups?: readonly string[];
  /** The key that signs. */
  readonly kid?: "k1" | "k2";
}

/** The page's installation, with an identity provider and a service that are not ours. */
export interface Installation extends AsyncDisposable {
  readonly redis: TestRedis;
  /** Where the service is. */
  readonly service: string;
  /** The Passports that the service received. */
  readonly passports: string[];
  /** A token of the identity provider. */
  sign(claims: TokenClaims): Promise<string>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Starts the two programs with some settings, and returns the gateway's origin. */
type Start = (
  folder: string,
  settings: Readonly<Record<string, string>>,
  resources: AsyncDisposableStack,
) => Promise<string>;

/** Runs the programs and the settings of the page, with addresses and secrets of the test. */
export async function startInstallation(start: Start): Promise<Installation> {
  await using resources = new AsyncDisposableStack();
  const redis = await startRedis(resources);
  const issuer = await startIssuer(resources);
  const passports: string[] = [];
  const service = serve(resources, (request) => {
    passports.push(request.headers.get("x-passport") ?? "");
    return Response.json({ path: new URL(request.url).pathname });
  });
  const fences = readFences(await readProjectFile(page));
  const folder = resources.use(await writeFiles(fences, { dir: `${projectRoot}dist` }));
  const settings = readSettings(fences.find(({ file }) => file === "edge/edge.env")?.text ?? "");
  const changed = JSON.stringify(settings)
    .replace("https://id.example/jwks.json", issuer.jwks)
    .replace("https://orders.example", service);
  const origin = await start(`${folder.path}/edge`, {
    ...JSON.parse(changed),
    // A loopback origin accepts any port.
    PUBLIC_ORIGIN: "http://127.0.0.1:8787",
    PASSPORT_KEYS: withSecrets(settings.PASSPORT_KEYS ?? ""),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    // One machine has one clock; a machine under load must not look like a broken Redis.
    LEEWAY_SECONDS: "0",
    REVOCATION_TIMEOUT_MS: "5000",
    LOG_LEVEL: "error",
  }, resources);
  const owned = resources.move();
  return {
    redis,
    service,
    passports,
    sign: issuer.sign,
    fetch: (path, init) => fetch(origin + path, init),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Two processes, as the page starts them. */
export const onDeno: Start = async (folder, settings, resources) => {
  const port = freePort();
  const CONTROL = `http://127.0.0.1:${port}`;
  const CONTROL_DB = `sqlite:${folder}/control.db`;
  await startProcess("control/deno.ts", { ...settings, CONTROL_DB, PORT: String(port) }, resources);
  const own = freePort();
  await startProcess(`${folder}/deno.ts`, { ...settings, CONTROL, PORT: String(own) }, resources);
  return `http://127.0.0.1:${own}`;
};

/** Two Workers, joined by a service binding. */
export const onWorkerd: Start = async (folder, given, resources) => {
  const { CONTROL: _url, CONTROL_DB: _file, PASSPORT_KEYS = "", ...settings } = given;
  const { UPSTASH_REDIS_REST_TOKEN = "", ...vars } = settings;
  const secrets = { PASSPORT_KEYS, UPSTASH_REDIS_REST_TOKEN };
  const own = folder.replace(projectRoot, "./");
  const harness = createTestHarness({
    root: projectRoot,
    workers: [`${own}/wrangler.toml`, "./control/wrangler.toml"]
      .map((configPath) => ({ configPath, vars, secrets })),
  });
  resources.defer(() => harness.close());
  const { url } = await harness.listen();
  await harness.getWorker("edgepass-control").applyD1Migrations("CONTROL_DB");
  return url.origin;
};

async function startProcess(
  program: string,
  settings: Readonly<Record<string, string>>,
  resources: AsyncDisposableStack,
): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", "--no-check", program],
    cwd: projectRoot,
    env: settings,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  resources.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
  });
  await waitUntil(`${program} listens`, () => isListening(Number(settings.PORT)), 60_000);
}

/** The identity provider: two keys of its own, and their public halves at a URL. */
async function startIssuer(
  resources: AsyncDisposableStack,
): Promise<{ jwks: string; sign: Installation["sign"] }> {
  const kids = ["k1", "k2"] as const;
  const pairs = await Promise.all(kids.map(() => jose.generateKeyPair("ES256")));
  const keys = await Promise.all(pairs.map(async ({ publicKey }, at) => ({
    ...await jose.exportJWK(publicKey),
    kid: kids[at],
    alg: "ES256",
    use: "sig",
  })));
  const origin = serve(resources, () => Response.json({ keys }));
  return {
    jwks: `${origin}/jwks.json`,
    async sign({ kid = "k1", jti = crypto.randomUUID(), ...claims }) {
      const pair = pairs[kids.indexOf(kid)];
      if (!pair) throw new TypeError("Expected a key");
      return await new jose.SignJWT({ ...claims, jti })
        .setProtectedHeader({ alg: "ES256", typ: "JWT", kid })
        .setIssuer("https://id.example").setAudience("https://api.example")
        .setIssuedAt().setExpirationTime("10m").sign(pair.privateKey);
    },
  };
}

function serve(
  resources: AsyncDisposableStack,
  handler: (request: Request) => Response | Promise<Response>,
): string {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  resources.defer(() => server.shutdown());
  return `http://127.0.0.1:${server.addr.port}`;
}

/** The lines `NAME=value` of a settings file. */
function readSettings(text: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(text.matchAll(/^(\w+)=('?)(.*)\2$/gm), ([, name = "", , value = ""]) => [
      name,
      value,
    ]),
  );
}

/** The page's keys, each with a secret of its own. */
function withSecrets(setting: string): string {
  const keys: object[] = JSON.parse(setting);
  return JSON.stringify(keys.map((key) => ({ ...key, secret: randomSecret() })));
}
