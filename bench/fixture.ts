import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod/mini";
import { type ApiClient, createApiClient } from "../dev/system/api_client.ts";
import { openWorkspace } from "../dev/workspace/workspace.ts";
import { demoPassword, demoPeople, seed } from "../dev/run/demo.ts";
import { completeSettings, type Given, type Settings } from "../dev/workspace/settings.ts";
import { freePort, type Server, start } from "./processes.ts";

/** The product and a QStash, each in a process of its own, with an instructor. */
export interface Fixture extends AsyncDisposable {
  readonly product: Server;
  readonly qstash: Server;
  readonly token: string;
  /** Drafts and published courses of the instructor: only changes of the latter are published. */
  readonly courses: Readonly<Record<"draft" | "published", readonly string[]>>;
  /** Sets the faults of QStash from now on. */
  setFaults(faults: Readonly<Record<string, number>>): Promise<void>;
  /** The one number that a query of a service's database returns. */
  queryNumber(service: string, sql: string): number;
  /** Opens a service's database for writing, beside the product. */
  open(service: string): DatabaseSync;
}

const coursesOfAKind = 64;
const Token = z.object({ accessToken: z.string() });
const Made = z.object({ id: z.string() });

/** Starts one with nothing but its demo people and their courses. */
export async function startFixture(redis: { port: number; token: string }): Promise<Fixture> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "edgepass-bench-" });
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const secrets = { TOKEN: random(), CURRENT_KEY: random(), NEXT_KEY: random() };
  const FILE = join(folder, "qstash.sqlite");
  const qstash = cleanup.use(await start("qstash", { ...secrets, FILE }));
  const settings = await completeSettings(
    openWorkspace(join(folder, "home")),
    toGiven({ secrets, qstash, redis }),
  );
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== ""));
  const product = cleanup.use(await start("product", given));
  const api = createApiClient({ port: product.port, host: `127.0.0.1:${product.port}` });
  cleanup.defer(() => api.close());
  const people = demoPeople(settings);
  await seed(api, people);
  const body = { grantType: "password", email: people.instructor.email, password: demoPassword };
  const { accessToken: token } = z.parse(Token, await api.call("POST", "/auth/token", { body }));
  const courses = await makeCourses(api, token);
  const owned = cleanup.move();
  return {
    product,
    qstash,
    token,
    courses,
    setFaults: (faults) => setFaults(qstash, secrets.TOKEN, faults),
    queryNumber(service, sql) {
      using db = new DatabaseSync(fileOf(settings, service), { readOnly: true, timeout: 5_000 });
      return Number(Object.values(db.prepare(sql).get() ?? {})[0]);
    },
    open: (service) => new DatabaseSync(fileOf(settings, service), { timeout: 5_000 }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Surroundings {
  readonly secrets: Readonly<Record<"TOKEN" | "CURRENT_KEY" | "NEXT_KEY", string>>;
  readonly qstash: Server;
  readonly redis: { readonly port: number; readonly token: string };
}

function toGiven({ secrets, qstash, redis }: Surroundings): Given {
  const PORT = String(freePort());
  return {
    PORT,
    PUBLIC_ORIGIN: `http://127.0.0.1:${PORT}`,
    LOG_LEVEL: "error",
    REVOCATION_TIMEOUT_MS: "5000",
    QSTASH_URL: `http://127.0.0.1:${qstash.port}`,
    QSTASH_TOKEN: secrets.TOKEN,
    QSTASH_CURRENT_SIGNING_KEY: secrets.CURRENT_KEY,
    QSTASH_NEXT_SIGNING_KEY: secrets.NEXT_KEY,
    UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${redis.port}`,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
  };
}

async function makeCourses(api: ApiClient, token: string): Promise<Fixture["courses"]> {
  const make = async (isPublished: boolean): Promise<string> => {
    const course = { title: "Knots", summary: "How to tie them", tags: [] };
    const { id } = z.parse(Made, await api.call("POST", "/courses", { token, body: course }));
    const lesson = { title: "First", content: "Begin" };
    await api.call("POST", `/courses/${id}/lessons`, { token, body: lesson });
    if (isPublished) await api.call("POST", `/courses/${id}/publish`, { token });
    return id;
  };
  const courses: Record<"draft" | "published", string[]> = { draft: [], published: [] };
  for (let n = 0; n < coursesOfAKind; n++) {
    courses.draft.push(await make(false));
    courses.published.push(await make(true));
  }
  return courses;
}

async function setFaults(
  { port }: Server,
  token: string,
  faults: Readonly<Record<string, number>>,
): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/v2/local/faults`, {
    method: "PUT",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(faults),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`QStash returned ${response.status}`);
}

function fileOf(settings: Settings, service: string): string {
  const name = `${service.toUpperCase()}_DB`;
  const [, value = ""] = Object.entries(settings).find(([setting]) => setting === name) ?? [];
  return value.replace(/^sqlite:/, "");
}

function random(): string {
  return crypto.randomUUID();
}
