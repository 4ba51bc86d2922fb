import assert from "node:assert/strict";
import { startProcess } from "./processes.ts";
import { describeEnding, exitCodeOf, readRefusal } from "./readiness.ts";
import { requireDeno } from "../workspace/start.ts";

const program = `
  console.log(JSON.stringify(Object.keys(Deno.env.toObject())));
  if (Deno.args[0] === "fail") { console.error("Broken for a reason"); Deno.exit(7); }
  Deno.addSignalListener("SIGTERM", () => { if (Deno.args[0] !== "stubborn") Deno.exit(0); });
  console.log("up");
  setInterval(() => {}, 1000);
`;

async function setup(argument = "") {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/program.ts`, program);
  const lines: string[] = [];
  const { promise: isUp, resolve } = Promise.withResolvers<void>();
  const process = startProcess({
    name: "sample",
    args: ["--allow-env", `${folder}/program.ts`, argument],
    env: { HOME: folder, DENO_DIR: folder, ONLY: "this" },
  }, (line) => {
    lines.push(line);
    if (line === "up") resolve();
  });
  return {
    lines,
    process,
    isUp,
    async [Symbol.asyncDispose]() {
      process.kill();
      await process.ended;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a child gets the variables it was given and none of this process's", async () => {
  Deno.env.set("NOT_FOR_CHILDREN", "1");
  try {
    await using fixture = await setup();
    await fixture.isUp;
    const names: unknown = JSON.parse(fixture.lines[0] ?? "");
    assert.ok(Array.isArray(names) && names.includes("ONLY"));
    assert.ok(!names.includes("NOT_FOR_CHILDREN"));
  } finally {
    Deno.env.delete("NOT_FOR_CHILDREN");
  }
});

Deno.test("a child exits after a signal to stop", async () => {
  await using fixture = await setup();
  await fixture.isUp;
  await fixture.process.stop(10_000);
  assert.equal((await fixture.process.ended).code, 0);
});

Deno.test("a child that does not stop is killed", async () => {
  await using fixture = await setup("stubborn");
  await fixture.isUp;
  await fixture.process.stop(50);
  assert.equal((await fixture.process.ended).signal, "SIGKILL");
});

Deno.test("a child that exits leaves its code and its last lines", async () => {
  await using fixture = await setup("fail");
  const ending = await fixture.process.ended;
  assert.equal(exitCodeOf(ending), 7);
  assert.match(describeEnding(ending), /^sample exited with code 7; its last lines:\n/);
  assert.match(describeEnding(ending), /\n {2}Broken for a reason$/);
});

Deno.test("a Worker's refusal of its settings is read from wrangler's output", () => {
  const shown =
    "\x1b[31m✘ \x1b[41;97mERROR\x1b[0m \x1b[1mCannot start: ROUTES: must be JSON\x1b[0m";
  assert.equal(readRefusal(shown), "Cannot start: ROUTES: must be JSON");
  assert.equal(readRefusal("[wrangler:info] GET /readyz 500 Internal Server Error"), undefined);
});

Deno.test("a successful request is not reported as the reason why a process ended", () => {
  const line = (level: string, message: string) =>
    JSON.stringify({ time: "2026-03-01T09:30:00.000Z", level, service: "sample", message });
  const lastLines = [line("info", "Request served"), line("error", "Broken"), "panicked at main"];
  const ending = { name: "sample", code: 0, signal: "SIGKILL", lastLines } as const;
  assert.equal(
    describeEnding(ending),
    `sample was ended by SIGKILL; its last lines:\n  ${
      line("error", "Broken")
    }\n  panicked at main`,
  );
  assert.equal(
    describeEnding({ ...ending, lastLines: [line("info", "Request served")] }),
    "sample was ended by SIGKILL",
  );
});

const versions = { "1.46.3": false, "2.8.9": false, "2.9.0": true, "2.10.0": true, "3.0.0": true };
for (const [version, isEnough] of Object.entries(versions)) {
  Deno.test(`Deno ${version} ${isEnough ? "is new enough" : "is refused by name"}`, () => {
    if (isEnough) requireDeno(version);
    else assert.throws(() => requireDeno(version), new RegExp(`Deno ${version} is too old`));
  });
}
