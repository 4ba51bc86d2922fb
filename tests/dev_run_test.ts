import assert from "node:assert/strict";
import {
  askWhoIAm,
  bearer,
  demoInstructor,
  demoLearner,
  expectSuccess,
  logIn,
} from "./support/dev_people.ts";
import { isObject, type Json } from "./support/json.ts";
import {
  type DevSystem,
  isListening,
  runDev,
  shareDev,
  startDev,
  temporaryWorkspace,
  waitUntilGone,
} from "./support/dev_system.ts";

const anyDev = shareDev();

Deno.test("deno task dev serves demo users and courses, and creates them once", async () => {
  await using workspace = await temporaryWorkspace();
  {
    await using system = await startDev({ workspace: workspace.path });
    assert.equal(await askWhoIAm(system, await logIn(system, demoLearner)), "200 Demo Learner");
    assert.equal((await readCourses(system)).length, 2);
    const token = await logIn(system, demoInstructor);
    const own = await readCourses(system, token);
    assert.equal(own.length, 3);
    const draft = own.find(({ state }) => state === "draft");
    const gone = await system.fetch(`/courses/${draft?.id}`, {
      method: "DELETE",
      headers: bearer(token),
    });
    assert.equal(gone.status, 204);
  }
  {
    await using system = await startDev({ workspace: workspace.path });
    assert.equal((await readCourses(system, await logIn(system, demoInstructor))).length, 2);
  }
  // As if the first start had been interrupted: missing demo data is created, existing data is not
  // repeated.
  await Deno.remove(`${workspace.path}/db/seeded`);
  await using system = await startDev({ workspace: workspace.path });
  const own = await readCourses(system, await logIn(system, demoInstructor));
  assert.deepEqual(own.map(({ state }) => state).toSorted(), ["draft", "published", "published"]);
});

Deno.test("the banner names the demo users, and its administrator can log in", async () => {
  const { workspace, system } = await anyDev();
  const [, email = "", password = ""] = /admin +(\S+@\S+) +(\S+)/.exec(system.output()) ?? [];
  const token = await logIn(system, { email, password });
  const accounts = await expectSuccess(
    await system.fetch("/auth/accounts", { headers: bearer(token) }),
  );
  assert.equal(Array.isArray(accounts.items) && accounts.items.length, 3);
  const [banner = ""] = system.output().split("Ctrl-C");
  const wide = banner.split("\n").filter((line) =>
    line.length > 80 && !line.includes(workspace.path)
  );
  assert.deepEqual(wide, []);
  // deno-lint-ignore no-control-regex -- colours start with a control character
  assert.doesNotMatch(banner.replace(/^.*Task.*$/m, ""), /\x1b/);
});

Deno.test("generated secrets are readable by their owner only", async () => {
  const { workspace } = await anyDev();
  const modes = new Map<string, string>();
  for (const name of ["dev.env", "keys", "db", "redis", "logs"]) {
    modes.set(name, ((await Deno.stat(`${workspace.path}/${name}`)).mode! & 0o777).toString(8));
  }
  for await (const { name } of Deno.readDir(`${workspace.path}/keys`)) {
    modes.set(
      `keys/${name}`,
      ((await Deno.stat(`${workspace.path}/keys/${name}`)).mode! & 0o777).toString(8),
    );
  }
  const folders = ["keys", "db", "redis", "logs"];
  for (const [name, mode] of modes) {
    assert.equal(mode, folders.includes(name) ? "700" : "600", name);
  }
  assert.ok(modes.has("keys/access-token-keys.json"));
});

const ends = {
  "SIGINT": { signal: "SIGINT", code: 0, target: "task" },
  "SIGTERM": { signal: "SIGTERM", code: 0, target: "task" },
  "SIGTERM to the command itself": { signal: "SIGTERM", code: 0, target: "command" },
  "SIGKILL to the task": { signal: "SIGKILL", code: 137, target: "task" },
  "SIGKILL to the command itself": { signal: "SIGKILL", code: 137, target: "command" },
} as const;

for (const [what, { signal, code, target }] of Object.entries(ends)) {
  Deno.test(`${what} leaves no process and no port of deno task dev`, async () => {
    await using workspace = await temporaryWorkspace();
    await using system = await startDev({ workspace: workspace.path });
    const family = await system.family();
    assert.ok(family.length >= 3, "task, command and product");
    const redisPort = Number(await Deno.readTextFile(`${workspace.path}/redis/port`));
    assert.ok(await isListening(redisPort));
    const pid = target === "task" ? system.pid : await commandOf(system);
    assert.equal((await system.end(signal, pid)).code, code);
    await waitUntilGone(family);
    assert.equal(await isListening(system.port), false);
    assert.equal(await isListening(redisPort), false);
    if (signal === "SIGKILL") return;
    const names = [...Deno.readDirSync(workspace.path)].map(({ name }) => name);
    assert.ok(!names.includes("dev.lock"));
  });
}

Deno.test("sessions and revocations survive a kill and a restart", async () => {
  await using workspace = await temporaryWorkspace();
  let port: number;
  let tokens: { kept: string; revoked: string };
  {
    await using system = await startDev({ workspace: workspace.path });
    port = system.port;
    tokens = { kept: await logIn(system, demoLearner), revoked: await logIn(system, demoLearner) };
    const headers = bearer(tokens.revoked);
    assert.equal((await system.fetch("/auth/logout", { method: "POST", headers })).status, 204);
    await system.end("SIGKILL", await commandOf(system));
  }
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await using system = await startDev({ workspace: workspace.path, port });
    assert.equal(await askWhoIAm(system, tokens.kept), "200 Demo Learner");
    assert.equal(await askWhoIAm(system, tokens.revoked), "401 token_revoked");
    await system.end(signal, await commandOf(system));
  }
});

Deno.test("a process that exits ends dev with its exit code, and dev names it", async () => {
  await using workspace = await temporaryWorkspace();
  await using system = await startDev({ workspace: workspace.path });
  const family = await system.family();
  // The product's process is the newest of the three.
  const { code, output } = await system.end("SIGKILL", family.at(-1));
  assert.equal(code, 137);
  assert.match(output, /ERROR edgepass was ended by SIGKILL/);
  await waitUntilGone(family);
});

Deno.test("a second dev on the same workspace is refused in one line, and the first continues", async () => {
  const { workspace, system } = await anyDev();
  const { code, output } = await runDev({ workspace: workspace.path });
  assert.equal(code, 1);
  assert.match(
    output,
    /\nCannot start: another deno task dev \(process \d+\) is using EDGEPASS_HOME/,
  );
  assert.equal(output.trim().split("\n").length, 2, output);
  assert.equal((await system.fetch("/livez")).status, 200);
});

/** The process that `deno task` started: the parent of the others. */
async function commandOf(system: DevSystem): Promise<number> {
  const [, command] = await system.family();
  assert.ok(command);
  return command;
}

/** The published courses, or those visible to the token's user. */
async function readCourses(system: DevSystem, token?: string): Promise<Json[]> {
  const [path, init] = token === undefined
    ? ["/courses", {}] as const
    : ["/courses?mine=true", { headers: bearer(token) }] as const;
  const { items } = await expectSuccess(await system.fetch(path, init));
  return Array.isArray(items) ? items.filter(isObject) : [];
}
