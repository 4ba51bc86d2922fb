import assert from "node:assert/strict";
import { projectRoot } from "./support/markdown.ts";

/** Runs the task with these arguments; the run that this test is part of is none of its business. */
async function run(...args: readonly string[]) {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "tests/run.ts", ...args],
    cwd: projectRoot,
    env: { EDGEPASS_TEST_RUN: "", NO_COLOR: "1" },
    stderr: "null",
  }).output();
  return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
}

async function writeTests(texts: Readonly<Record<string, string>>) {
  const folder = await Deno.makeTempDir();
  const paths = Object.keys(texts).map((name) => `${folder}/${name}`);
  for (const path of paths) {
    await Deno.writeTextFile(path, texts[path.slice(folder.length + 1)] ?? "");
  }
  return { paths, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

Deno.test("a run that ends by a signal names the file it was in, and counts as failed", async () => {
  await using tests = await writeTests({
    "a_test.ts": `Deno.test("passes", () => {});`,
    "b_test.ts": `Deno.test("crashes", () => Deno.kill(Deno.pid, "SIGKILL"));`,
  });
  const { code, lines } = await run(...tests.paths);
  assert.notEqual(code, 0);
  assert.deepEqual(lines.slice(-3), [
    "deno test ended by SIGKILL before its count, while it ran:",
    `  file://${tests.paths[1]}`,
    "0 passed, 1 failed",
  ]);
});

Deno.test("a run counts what passed and what failed", async () => {
  await using tests = await writeTests({
    "a_test.ts": `Deno.test("passes", () => {}); Deno.test("too", () => {});`,
    "b_test.ts": `Deno.test("fails", () => { throw new Error("on purpose"); });`,
  });
  const { code, lines } = await run(...tests.paths);
  assert.notEqual(code, 0);
  assert.equal(lines.at(-1), "2 passed, 1 failed");
});
