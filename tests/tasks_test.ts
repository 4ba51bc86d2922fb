import assert from "node:assert/strict";
import { projectRoot, readProjectFile } from "./support/markdown.ts";

const { tasks }: { tasks: Record<string, string> } = JSON.parse(await readProjectFile("deno.json"));

/** Tasks that only pass their arguments to another program, which has its own help. */
const others = new Set(["ok", "check", "wrangler", "deploy"]);
const ours = Object.keys(tasks).filter((name) => !others.has(name));

async function run(name: string, arg: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name, arg],
    cwd: projectRoot,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
  return { code, out: text(stdout), err: text(stderr) };
}

for (const name of ours) {
  Deno.test(`deno task ${name} --help prints its usage and does nothing else`, async () => {
    const { code, out, err } = await run(name, "--help");
    assert.match(out, /^Usage: deno task /);
    assert.ok(out.includes(`deno task ${name}`), out);
    assert.deepEqual([code, err], [0, ""]);
  });
}

// `deno task test` passes unknown options to `deno test`.
for (const name of ours.filter((name) => name !== "test")) {
  Deno.test(`deno task ${name} refuses an option that it does not have in one line`, async () => {
    const { code, out, err } = await run(name, "--no-such-option");
    assert.match(err, /unknown option/i);
    assert.equal(err.split("\n").length, 1, err);
    assert.deepEqual([code, out], [2, ""]);
  });
}

// npm and Homebrew put a link on the PATH: permission for `deno` is permission for the link, and
// Deno.execPath() is the program behind it. The task would write its file and then fail.
Deno.test("a task that starts Deno again may do so where deno is a link", () => {
  for (const [name, command] of Object.entries(tasks)) {
    assert.doesNotMatch(command, /--allow-run=\S*\bdeno\b/, name);
  }
});
