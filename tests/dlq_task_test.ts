import assert from "node:assert/strict";
import { serviceNames } from "../dev/workspace/settings.ts";
import { dlq } from "../dev/cli/dlq.ts";
import { setUp } from "../dev/cli/events_setup.ts";
import { createAnsi } from "../dev/terminal/text.ts";
import { startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { isObject, objectAt } from "./support/json.ts";
import { publishTo } from "./support/published.ts";
import { waitUntil } from "./support/wait.ts";

const withinMs = 20_000;
const plain = createAnsi(false);

Deno.test("deno task dlq and events:setup find the system that dev runs", async () => {
  await using workspace = await temporaryWorkspace();
  await using system = await startDev({ workspace: workspace.path });
  const variables = { EDGEPASS_HOME: workspace.path };
  const run = (...args: string[]) => dlq(args, variables, plain);
  const settings = await readQstash(workspace.path);
  const origin = `http://127.0.0.1:${system.port}`;
  assert.deepEqual(await run("list"), {
    code: 0,
    text: serviceNames.map((name) => `${name}: none`).join("\n"),
  });
  await publishTo(
    settings,
    "course",
    { id: "e1", type: "user.unheard", subject: "p\u00071" },
    origin,
  );
  const list = async () => (await run("list")).text;
  await waitUntil(
    "it is listed",
    async () => (await list()).includes("course: 1 dead letter"),
    withinMs,
  );
  const text = await list();
  assert.match(
    text,
    /user\.unheard of p 1, \d{4}-.*\n {4}poison: The event is not a CloudEvent of ours/,
  );
  const [id = ""] = /\d{13}-\d+/.exec(text) ?? [];

  const shown = await run("show", id);
  const complete: unknown = JSON.parse(shown.text);
  assert.ok(isObject(complete));
  assert.deepEqual([complete.service, objectAt(complete, "event").id], ["course", "e1"]);

  const all = await run("replay", "--all");
  assert.equal(all.code, 0);
  assert.match(all.text, /^course: 0 replayed, 1 poison not replayed$/m);
  assert.match((await run("replay", id)).text, /^Replayed: .*, for course$/);
  assert.deepEqual(await run("replay", id), {
    code: 1,
    text: `No service has a dead letter ${id}`,
  });
  await waitUntil("it is a dead letter again", async () => /poison/.test(await list()), withinMs);
  assert.match((await run("replay", "--all", "--poison")).text, /^course: 1 replayed$/m);
  await waitUntil("it is a dead letter again", async () => /poison/.test(await list()), withinMs);
  const [last = ""] = /\d{13}-\d+/.exec(await list()) ?? [];
  assert.match((await run("drop", last)).text, /^Dropped: .*, of course$/);
  assert.ok(!(await list()).includes("poison"));

  const task = await runTask(["dlq", "list"], variables);
  assert.deepEqual([task.code, task.text], [0, await list()]);
  const setup = await runTask(["events:setup"], variables);
  assert.equal(setup.code, 0, setup.text);
  assert.match(setup.text, /ok, 0 warn, 0 fail$/);
  assert.deepEqual(await setUp([], variables, plain), { code: 0, text: setup.text });

  const elsewhere = { ...variables, PUBLIC_ORIGIN: "https://learn.test" };
  assert.deepEqual(await dlq(["list"], elsewhere, plain), {
    code: 1,
    text: "ADMIN_EMAIL and ADMIN_PASSWORD of https://learn.test are not set",
  });
  const deployment = {
    PUBLIC_ORIGIN: origin,
    ADMIN_EMAIL: "admin@edgepass.local",
    ADMIN_PASSWORD: "wrong-password",
  };
  const refused = await dlq(["list"], deployment, plain);
  assert.deepEqual(refused, {
    code: 1,
    text: "POST /auth/token failed: 401 credentials_invalid: E-mail or password is wrong",
  });
});

const misused = [
  [],
  ["list", "x"],
  ["show"],
  ["show", "--all"],
  ["show", "a/b"],
  ["replay"],
  [
    "replay",
    "--all",
    "--everything",
  ],
  ["drop", "--all"],
  ["purge"],
];
for (const args of misused) {
  Deno.test(`deno task dlq does nothing for "${args.join(" ")}"`, async () => {
    const { code, text } = await dlq(args, { EDGEPASS_HOME: "/nowhere" }, plain);
    assert.equal(code, 2);
    assert.match(text, /^Usage: deno task dlq list/);
  });
}

Deno.test("deno task dlq reports where it looked for a system", async () => {
  await using workspace = await temporaryWorkspace();
  const { code, text } = await dlq(["list"], { EDGEPASS_HOME: workspace.path }, plain);
  assert.equal(code, 1);
  assert.match(text, /dev\.env cannot be read: start deno task dev, or set PUBLIC_ORIGIN/);
});

/** The QStash settings of a dev system. */
async function readQstash(workspace: string): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(`${workspace}/dev.env`);
  return Object.fromEntries(
    [...text.matchAll(/^(QSTASH_\w+)='(.+)'$/gm)].map(([, name, value]) => [name, value]),
  );
}

async function runTask(args: readonly string[], env: Readonly<Record<string, string>>) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...args],
    cwd: new URL("../", import.meta.url),
    env: { ...env, NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { code, text: text.trimEnd() };
}
