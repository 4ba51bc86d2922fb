import assert from "node:assert/strict";
import { bearer, demoLearner, expectSuccess, logIn } from "./support/dev_people.ts";
import {
  type DevSystem,
  freePort,
  isListening,
  startDev,
  temporaryWorkspace,
} from "./support/dev_system.ts";
import { isObject } from "./support/json.ts";
import { projectRoot, readFences, readProjectFile, writeFiles } from "./support/markdown.ts";
import { hasPython } from "./support/python.ts";
import { waitUntil } from "./support/wait.ts";

const guide = await readProjectFile("docs/passport/guide.md");
const withPython = await hasPython();

/** Free ports on this machine, in place of the guide's ports. */
interface Ports {
  readonly hello: number;
  readonly reports: number;
  readonly python: number;
}

function toRoutes(ports: Ports): string {
  const at = (port: number) => `http://127.0.0.1:${port}`;
  return JSON.stringify([
    { prefix: "/hello", upstream: at(ports.hello), access: "authenticated" },
    { prefix: "/reports", upstream: at(ports.reports), access: "optional" },
    { prefix: "/python", upstream: at(ports.python), access: "authenticated" },
  ]);
}

/** Starts a program of the guide with dev's settings and waits until it listens. */
async function startService(
  command: string,
  { port, workspace, cwd }: { port: number; workspace: string; cwd: string },
): Promise<AsyncDisposable> {
  const child = new Deno.Command("sh", {
    args: ["-c", command],
    cwd,
    env: { PORT: String(port), DEV_ENV: `${workspace}/dev.env`, PYTHONDONTWRITEBYTECODE: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await waitUntil(`${command} listens`, () => isListening(port), 60_000);
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

const deno =
  `exec deno run --quiet --allow-net --allow-env --config ${projectRoot}deno.json --env-file="$DEV_ENV"`;
const python = `port=$PORT; set -a; . "$DEV_ENV"; PORT=$port exec python3 python/server.py`;

async function readOutcome(
  fetching: Promise<Response>,
): Promise<{ status: number; code: unknown; data: unknown }> {
  const response = await fetching;
  const envelope: unknown = await response.json();
  assert.ok(isObject(envelope));
  const failure = isObject(envelope.error) ? envelope.error : envelope;
  return { status: response.status, code: failure.code, data: envelope.data };
}

Deno.test("the guide's services run behind the gateway and identify the caller", async (t) => {
  const ports = { hello: freePort(), reports: freePort(), python: freePort() };
  await using workspace = await temporaryWorkspace();
  await using folder = await writeFiles(readFences(guide));
  await using system = await startDev({
    workspace: workspace.path,
    env: { ROUTES: toRoutes(ports) },
  });
  const token = await logIn(system, demoLearner);
  const place = { workspace: workspace.path, cwd: folder.path };

  await t.step("a new service with the service runtime", async () => {
    await using _ = await startService(`${deno} hello/main.ts`, { ...place, port: ports.hello });
    const { hello, roles } = await expectSuccess(
      await system.fetch("/hello", { headers: bearer(token) }),
    );
    const { id } = await expectSuccess(
      await system.fetch("/users/me", { headers: bearer(token) }),
    );
    assert.deepEqual({ hello, roles }, { hello: id, roles: ["learner"] });
    await refusesStrangers(system, "/hello", ports.hello);
  });

  await t.step("an existing Hono app", async () => {
    const port = ports.reports;
    await using _ = await startService(`${deno} reports/main.ts`, { ...place, port });
    const mine = await expectSuccess(
      await system.fetch("/reports/mine", { headers: bearer(token) }),
    );
    assert.match(String(mine.reportsOf), /^user:[0-9a-f-]{36}$/);
    const anonymous = await expectSuccess(await system.fetch("/reports/mine"));
    assert.equal(anonymous.reportsOf, "anon");
    const refused = await readOutcome(system.fetch("/reports/all", { headers: bearer(token) }));
    assert.deepEqual([refused.status, refused.code], [403, "forbidden"]);
    const health = await fetch(`http://127.0.0.1:${port}/reports/health`);
    assert.equal(await health.text(), "fine");
    const direct = await readOutcome(fetch(`http://127.0.0.1:${port}/reports/mine`));
    assert.deepEqual([direct.status, direct.code], [401, "passport_required"]);
  });

  await t.step({
    name: "a service in Python (needs python3)",
    ignore: !withPython,
    async fn() {
      await using _ = await startService(python, { ...place, port: ports.python });
      const { hello } = await expectSuccess(
        await system.fetch("/python", { headers: bearer(token) }),
      );
      assert.match(String(hello), /^user:[0-9a-f-]{36}$/);
      await refusesStrangers(system, "/python", ports.python);
      const headers = [["X-Passport", "a.b.c"], ["X-Passport", "a.b.c"]];
      for (const planted of [headers.slice(1), headers]) {
        const direct = await readOutcome(
          fetch(`http://127.0.0.1:${ports.python}/python`, { headers: new Headers(planted) }),
        );
        assert.deepEqual([direct.status, direct.code], [401, "passport_invalid"]);
      }
    },
  });
});

/** Without a login at the gateway, and at the service itself past the gateway. */
async function refusesStrangers(system: DevSystem, path: string, port: number): Promise<void> {
  const outside = await readOutcome(system.fetch(path));
  assert.deepEqual([outside.status, outside.code], [401, "authentication_required"]);
  const direct = await readOutcome(fetch(`http://127.0.0.1:${port}${path}`));
  assert.deepEqual([direct.status, direct.code], [401, "passport_required"]);
}

Deno.test("the guide's routes and ports equal those of its commands", () => {
  const commands = readFences(guide).filter(({ language }) => language === "sh")
    .map(({ text }) => text).join("\n");
  const [, routes = "[]"] = /ROUTES='([^']*)'/.exec(commands) ?? [];
  assert.deepEqual(JSON.parse(routes), [
    { prefix: "/hello", upstream: "http://127.0.0.1:9101", access: "authenticated" },
  ]);
  assert.match(
    commands,
    /PORT=9101 deno run --allow-net --allow-env --config \S+ \\\n\s+--env-file=/,
  );
  assert.match(commands, /set -a; \. \S+; PORT=9103 python3 python\/server\.py/);
});
