import assert from "node:assert/strict";
import { join } from "node:path";
import { openAppendOnlyFile } from "./append_only_file.ts";
import { createEmbeddedRedis } from "./embedded.ts";

function setup() {
  const dir = Deno.makeTempDirSync({ prefix: "redis-" });
  return {
    path: join(dir, "state", "redis.aof"),
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

function readAll(path: string) {
  const file = openAppendOnlyFile(path);
  try {
    return [...file.read()];
  } finally {
    file.close();
  }
}

Deno.test("cut at any byte, the file has exactly its complete groups", () => {
  using files = setup();
  const groups = [
    [["SET", "a", "1"]],
    [["SET", "k", "\xc3\xa9\n\x00"], ["INCR", "a"]],
    [["RPUSH", "l", "x"], ["RPUSH", "l", "y"], ["DEL", "a"]],
  ];
  const file = openAppendOnlyFile(files.path);
  for (const group of groups) file.append(group);
  file.close();
  const complete = Deno.readFileSync(files.path);
  for (let length = 0; length <= complete.length; length++) {
    const cut = complete.slice(0, length);
    Deno.writeFileSync(files.path, cut);
    const stored = cut.filter((byte) => byte === 10).length;
    const torn = openAppendOnlyFile(files.path);
    assert.deepEqual([...torn.read()], groups.slice(0, stored), `cut at ${length}`);
    torn.append([["SET", "after", "1"]]);
    torn.close();
    assert.deepEqual(readAll(files.path), [...groups.slice(0, stored), [["SET", "after", "1"]]]);
  }
});

Deno.test("a damaged line before the last one stops the start", () => {
  using files = setup();
  openAppendOnlyFile(files.path).close();
  for (const line of ['[["SET"', "{}", "[1]", '[["SET",1]]']) {
    Deno.writeTextFileSync(files.path, `[["SET","a","1"]]\n${line}\n[["SET","b","1"]]\n`);
    assert.throws(() => readAll(files.path), /line 2 is damaged/);
  }
});

Deno.test("only the owner can read the file and its folder", () => {
  using files = setup();
  const file = openAppendOnlyFile(files.path);
  file.replace([[["SET", "a", "1"]]]);
  file.append([["SET", "b", "1"]]);
  file.close();
  assert.equal((Deno.statSync(files.path).mode ?? 0) & 0o777, 0o600);
  assert.equal((Deno.statSync(join(files.path, "..")).mode ?? 0) & 0o777, 0o700);
});

Deno.test("a replacement keeps the old content until the new one is complete", () => {
  using files = setup();
  const file = openAppendOnlyFile(files.path);
  file.append([["SET", "a", "1"]]);
  assert.throws(() =>
    file.replace((function* () {
      yield [["SET", "b", "1"]];
      throw new Error("killed");
    })()), /killed/);
  file.append([["SET", "c", "1"]]);
  file.close();
  assert.deepEqual(readAll(files.path), [[["SET", "a", "1"]], [["SET", "c", "1"]]]);
});

Deno.test("writes that got a reply survive a SIGKILL, and the lock does not", async () => {
  using files = setup();
  const code = `
    const { createEmbeddedRedis } = await import("./embedded.ts");
    const { openAppendOnlyFile } = await import("./append_only_file.ts");
    const persistence = openAppendOnlyFile(${JSON.stringify(files.path)});
    const redis = createEmbeddedRedis({ persistence });
    for (;;) {
      const [n, m] = await redis.multi([["INCR", "n"], ["INCR", "m"]]);
      console.log(n);
    }`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
    cwd: import.meta.dirname ?? ".",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let replied = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    replied = Number(text.trim().split("\n").at(-1));
    if (replied >= 100) break;
  }
  child.kill("SIGKILL");
  await child.status;
  const persistence = openAppendOnlyFile(files.path);
  const redis = createEmbeddedRedis({ persistence });
  const [n, m] = [await redis.execute(["GET", "n"]), await redis.execute(["GET", "m"])];
  await redis.close();
  assert.ok(replied >= 100 && Number(n) >= replied, `${n} of ${replied}`);
  assert.equal(n, m);
});

Deno.test("a second process cannot open the file of the first", async () => {
  using files = setup();
  const file = openAppendOnlyFile(files.path);
  const code = `
    const { openAppendOnlyFile } = await import("./append_only_file.ts");
    try { openAppendOnlyFile(${
    JSON.stringify(files.path)
  }); } catch (e) { console.log(e.message); }`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
    cwd: import.meta.dirname ?? ".",
    stderr: "null",
  }).output();
  file.close();
  assert.match(new TextDecoder().decode(stdout), /another process uses it/);
});
