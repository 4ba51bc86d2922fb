/**
 * Runs `deno test` over everything, two files at a time; then, one after the other, what measures how
 * fast a whole product is and must not share the machine; then what depends on Deno most, on the
 * program of another version that `SECOND_DENO` names. Closes with the one line that counts.
 * With arguments it runs `deno test` once with them; with `--second-deno` only the last of these.
 *
 * It checks no types: `deno check` does, once for the whole gate.
 */
import { fileURLToPath } from "node:url";
import { asksForHelp } from "@edgepass/shared/runtime/deno";

const noteFile = fileURLToPath(new URL("./support/note_file.ts", import.meta.url));
const unshared = ["tests/chaos_events_test.ts", "tests/chaos_faults_test.ts"];
/** More parallel files slow each other down: many tests start a product of several processes. */
const jobs = "2";

/** Features that a new Deno version may break: servers, fetch, streams, signals, Web Crypto. */
const onSecondDeno = [
  ["gateway", "shared/crypto", "shared/passport", "shared/runtime", "shared/tokens"],
  // Cases in workerd do not depend on the Deno version that starts them.
  ["--filter=/^deno: |on deno$/", "tests/core_test.ts", "tests/suite"],
];

if (asksForHelp(Deno.args)) {
  console.log(
    "Usage: deno task test [--second-deno | <file> …]\n\n" +
      "Runs every test, or the gateway's and the core's on the Deno that SECOND_DENO names, or what\n" +
      "deno test makes of the arguments.",
  );
  Deno.exit(0);
}
/** What the test files of this run share: Workers that were built, and which files are under way. */
const folder = await Deno.makeTempDir({ prefix: "edgepass-tests-" });
await Deno.mkdir(`${folder}/running`);
const counts = await runWanted(Deno.args).finally(() => Deno.remove(folder, { recursive: true }));
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(counts.find(({ code }) => code !== 0)?.code ?? 0);

async function runWanted(args: readonly string[]): Promise<readonly Count[]> {
  if (args.join(" ") === "--second-deno") return await runOnSecondDeno();
  if (args.length > 0) return [await run(args)];
  return [
    await run(["--parallel", `--ignore=${unshared.join(",")}`]),
    await run(unshared),
    ...await runOnSecondDeno(),
  ];
}

interface Count {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
}

async function runOnSecondDeno(): Promise<readonly Count[]> {
  const program = Deno.env.get("SECOND_DENO") ?? "";
  if (program === "") {
    console.log("Left out: gateway and core on a second Deno, whose program SECOND_DENO names");
    return [];
  }
  const version = await new Deno.Command(program, { args: ["--version"] }).output();
  console.log(`Gateway and core on ${new TextDecoder().decode(version.stdout).split("\n")[0]}`);
  const counts: Count[] = [];
  for (const args of onSecondDeno) counts.push(await run(["--parallel", ...args], program));
  return counts;
}

async function run(args: readonly string[], program = Deno.execPath()): Promise<Count> {
  const child = new Deno.Command(program, {
    args: ["test", "--allow-all", "--quiet", "--no-check", `--preload=${noteFile}`, ...args],
    env: {
      NO_COLOR: "1",
      DENO_JOBS: jobs,
      EDGEPASS_TEST_RUN: folder,
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
    },
    stdout: "piped",
    stderr: "inherit",
    stdin: "null",
  }).spawn();
  let tail = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    await Deno.stdout.write(new TextEncoder().encode(text));
    tail = (tail + text).slice(-4096);
  }
  const { code, signal } = await child.status;
  const count = /\| (\d+) passed.*?\| (\d+) failed/.exec(tail);
  if (count === null && code !== 0) await reportCrash(signal ?? `code ${code}`);
  const [, passed = "0", failed = "0"] = count ?? [];
  // A run that broke off before its count has failed.
  const counted = Number(failed) || (code === 0 ? 0 : 1);
  return { code, passed: Number(passed), failed: counted };
}

/** A crash of Deno, or an exit inside a test, leaves no line about the file that it happened in. */
async function reportCrash(how: string): Promise<void> {
  const root = new URL("../", import.meta.url).href;
  const running = `${folder}/running`;
  console.log(`\ndeno test ended by ${how} before its count, while it ran:`);
  for await (const { name } of Deno.readDir(running)) {
    console.log(`  ${decodeURIComponent(name).replace(root, "")}`);
    await Deno.remove(`${running}/${name}`);
  }
}
