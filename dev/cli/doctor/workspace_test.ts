import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  type DoctorContextOverrides,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { freePort, temporaryWorkspace } from "../../../tests/support/dev_system.ts";
import { checkFiles, checkPorts, checkWorkspace } from "./workspace.ts";
import { openQstash } from "@edgepass/local/qstash";
import { openAppendOnlyFile } from "@edgepass/local/redis";

const mebibyte = 1024 * 1024;

/** A workspace on which dev was started once. */
async function setup() {
  const workspace = await temporaryWorkspace();
  await Deno.mkdir(`${workspace.path}/keys`);
  const write = (name: string, text = "text", mode = 0o600) =>
    Deno.writeTextFile(`${workspace.path}/${name}`, text, { mode });
  await write("dev.env");
  await write("keys/passport-keys.json");
  const look = (context: DoctorContextOverrides = {}, freeBytes = 2 ** 40) =>
    checkWorkspace(
      createDoctorContext({ workspace: workspace.path, ...context }),
      createEffects({ freeBytes: () => freeBytes }),
    );
  return { ...workspace, write, look };
}

Deno.test("the workspace of a stopped dev passes, and the check leaves no file behind", async () => {
  await using workspace = await setup();
  assert.deepEqual(allWell(workspace.look()), [
    `${workspace.path} can be written to`,
    "not in use: dev is not running",
  ]);
  assert.deepEqual([...Deno.readDirSync(workspace.path)].map(({ name }) => name).toSorted(), [
    "dev.env",
    "keys",
  ]);
});

Deno.test("the workspace of a running dev passes, and the finding names the process", async () => {
  await using workspace = await setup();
  const found = allWell(workspace.look({ dev: { name: "running", pid: "123" } }));
  assert.equal(found[1], "in use by the running dev (process 123)");
});

Deno.test("a dev that was killed is reported", async () => {
  await using workspace = await setup();
  assert.equal(
    troubleOf(workspace.look({ dev: { name: "killed", pid: "123" } })),
    "warn: the last dev (process 123) was killed; its state is still there" +
      " → deno task dev continues with it",
  );
});

Deno.test("a missing workspace is reported as never used", () => {
  const found = checkWorkspace(
    createDoctorContext({ workspace: "/nowhere/at/all" }),
    createEffects(),
  );
  assert.equal(
    troubleOf(found),
    "warn: /nowhere/at/all is not there: nothing was ever started here → deno task dev",
  );
});

Deno.test("a workspace on which dev was never started is reported", async () => {
  await using workspace = await setup();
  assert.equal(
    troubleOf(workspace.look({ dev: { name: "never" } })),
    "warn: nothing was ever started here → deno task dev",
  );
});

Deno.test("a workspace that is not a folder fails", async () => {
  await using workspace = await setup();
  const path = `${workspace.path}/dev.env`;
  assert.equal(
    troubleOf(workspace.look({ workspace: path })),
    `fail: ${path} is no folder that can be written to → set EDGEPASS_HOME to a folder of yours`,
  );
});

Deno.test({
  name: "a workspace that cannot be written to fails",
  // The one folder to which even root cannot write.
  ignore: Deno.build.os !== "linux",
  fn: () => {
    assert.equal(
      troubleOf(checkWorkspace(createDoctorContext({ workspace: "/proc" }), createEffects())),
      "fail: /proc is no folder that can be written to → set EDGEPASS_HOME to a folder of yours",
    );
  },
});

Deno.test("each secret that other users may read is reported", async () => {
  await using workspace = await setup();
  await workspace.write("keys/redis-rest-token");
  await Deno.chmod(`${workspace.path}/keys/redis-rest-token`, 0o640);
  const path = `${workspace.path}/keys/redis-rest-token`;
  assert.equal(
    troubleOf(workspace.look()),
    `fail: ${path} is open to other users → chmod 600 ${path}`,
  );
  await Deno.chmod(`${workspace.path}/dev.env`, 0o644);
  assert.equal(workspace.look().filter(({ state }) => state === "fail").length, 2);
});

Deno.test("a key file without a key is reported", async () => {
  await using workspace = await setup();
  await workspace.write("keys/passport-keys.json", "");
  const path = `${workspace.path}/keys/passport-keys.json`;
  assert.equal(troubleOf(workspace.look()), `fail: ${path} is empty → rm ${path}`);
});

const rooms = [[49, "fail"], [50, "warn"], [499, "warn"]] as const;
for (const [free, state] of rooms) {
  Deno.test(`${free} MiB of room is a ${state}`, async () => {
    await using workspace = await setup();
    assert.equal(
      troubleOf(workspace.look({}, free * mebibyte)),
      `${state}: ${free} MiB are left on the disk of ${workspace.path}` +
        " → make room there, or set EDGEPASS_HOME to a folder on another disk",
    );
  });
}

Deno.test("a deployment has no workspace of dev", () => {
  assert.deepEqual(
    checkWorkspace(createDoctorContext({ scope: "deployment" }), createEffects()),
    [],
  );
});

async function setupFiles() {
  const workspace = await temporaryWorkspace();
  const redis = `${workspace.path}/redis/dev.aof`;
  const qstash = `${workspace.path}/qstash/workers.sqlite`;
  const file = openAppendOnlyFile(redis);
  file.append([["SET", "a", "1"]]);
  file.append([["SET", "b", "1"]]);
  file.close();
  await openQstash({ token: "t", path: qstash }).close();
  const look = (name: "stopped" | "running" = "stopped") =>
    checkFiles(createDoctorContext({
      workspace: workspace.path,
      dev: name === "running" ? { name, pid: "1" } : { name },
    }));
  return { ...workspace, redis, qstash, look };
}

Deno.test("complete or missing files of Redis and QStash pass", async () => {
  await using files = await setupFiles();
  const well = ["the state of dev's Redis and QStash can be read"];
  assert.deepEqual(allWell(files.look()), well);
  await Deno.remove(files.redis);
  await Deno.remove(files.qstash);
  assert.deepEqual(allWell(files.look()), well);
});

Deno.test("a damaged line of the append-only file is reported with a fix", async () => {
  await using files = await setupFiles();
  await Deno.writeTextFile(files.redis, '[["SET","a","1"]]\n[["SET"\n[["SET","b","1"]]\n');
  assert.match(
    troubleOf(files.look()),
    /^fail: dev's Redis cannot start: .* line 2 is damaged → restore .*, or start empty/,
  );
});

Deno.test("a torn last line is a warning, except while dev may be writing it", async () => {
  await using files = await setupFiles();
  await Deno.writeTextFile(files.redis, '[["SET","c"', { append: true });
  assert.match(
    troubleOf(files.look()),
    /^warn: the last line of .* is incomplete, .* → deno task dev/,
  );
  assert.equal(allWell(files.look("running")).length, 1);
});

for (
  const [what, spoil] of Object.entries({
    "that is not a database": (bytes: Uint8Array) => bytes.fill(120, 0, 100),
    "with a spoilt page": (bytes: Uint8Array) => bytes.fill(255, 4_096, 12_288),
  })
) {
  Deno.test(`a QStash file ${what} is reported with a fix`, async () => {
    await using files = await setupFiles();
    const bytes = await Deno.readFile(files.qstash);
    spoil(bytes);
    await Deno.writeFile(files.qstash, bytes);
    assert.match(
      troubleOf(files.look()),
      /^fail: dev's QStash cannot use .*workers\.sqlite: it is damaged or no database → restore /,
    );
  });
}

for (const name of ["PORT", "DASHBOARD_PORT"] as const) {
  Deno.test(`a ${name} that another program uses is reported`, () => {
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = other.addr;
    const free = { PORT: String(freePort()), DASHBOARD_PORT: String(freePort()) };
    const context = createDoctorContext({ settings: { ...free, [name]: String(port) } });
    assert.equal(
      troubleOf(checkPorts(context)),
      `fail: ${name} ${port} is in use by another program → set ${name} to another port`,
    );
  });
}

Deno.test("free ports pass, and so do those of a running dev", () => {
  using own = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const settings = { PORT: String(own.addr.port), DASHBOARD_PORT: String(freePort()) };
  const dev = { name: "running", pid: "1" } as const;
  assert.deepEqual(allWell(checkPorts(createDoctorContext({ settings, dev }))), [
    `PORT ${settings.PORT} is in use while dev is running`,
    `DASHBOARD_PORT ${settings.DASHBOARD_PORT} is free`,
  ]);
});

Deno.test("the ports of a deployment are not checked", () => {
  assert.deepEqual(checkPorts(createDoctorContext({ scope: "deployment" })), []);
});
