import assert from "node:assert/strict";
import { temporaryWorkspace } from "../../../tests/support/dev_system.ts";
import { allWell, createDoctorContext, troubleOf } from "../../../tests/support/doctor.ts";
import { openQstash } from "@edgepass/local/qstash";
import { openAppendOnlyFile } from "@edgepass/local/redis";
import { checkFiles } from "./files.ts";

async function setup() {
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
  await using files = await setup();
  const well = ["what dev's Redis and QStash keep can be read"];
  assert.deepEqual(allWell(files.look()), well);
  await Deno.remove(files.redis);
  await Deno.remove(files.qstash);
  assert.deepEqual(allWell(files.look()), well);
});

Deno.test("a damaged line of the append-only file is reported with a fix", async () => {
  await using files = await setup();
  await Deno.writeTextFile(files.redis, '[["SET","a","1"]]\n[["SET"\n[["SET","b","1"]]\n');
  assert.match(
    troubleOf(files.look()),
    /^fail: dev's Redis cannot start: .* line 2 is damaged → restore .*, or begin with nothing/,
  );
});

Deno.test("a torn last line is a warning, except while dev may be writing it", async () => {
  await using files = await setup();
  await Deno.writeTextFile(files.redis, '[["SET","c"', { append: true });
  assert.match(troubleOf(files.look()), /^warn: the last line of .* was torn, .* → deno task dev/);
  assert.equal(allWell(files.look("running")).length, 1);
});

for (
  const [what, spoil] of Object.entries({
    "that is not a database": (bytes: Uint8Array) => bytes.fill(120, 0, 100),
    "with a spoilt page": (bytes: Uint8Array) => bytes.fill(255, 4_096, 12_288),
  })
) {
  Deno.test(`a QStash file ${what} is reported with a fix`, async () => {
    await using files = await setup();
    const bytes = await Deno.readFile(files.qstash);
    spoil(bytes);
    await Deno.writeFile(files.qstash, bytes);
    assert.match(
      troubleOf(files.look()),
      /^fail: dev's QStash cannot use .*workers\.sqlite: it is damaged or no database → restore /,
    );
  });
}
