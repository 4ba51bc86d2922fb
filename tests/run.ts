/**
 * Runs `deno test` over everything, two files at a time; then, one after the other, what judges how
 * fast a whole product is and must not share the machine. Closes with the one line that counts.
 * With arguments it runs what they say, once.
 */
const unshared = ["tests/chaos_events_test.ts", "tests/chaos_faults_test.ts"];
/** More at once would hold each other up: many tests start a product of several processes. */
const jobs = "2";

const counts = Deno.args.length > 0 ? [await run(Deno.args)] : [
  await run(["--parallel", `--ignore=${unshared.join(",")}`]),
  await run(unshared),
];
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(counts.find(({ code }) => code !== 0)?.code ?? 0);

async function run(args: string[]): Promise<{ code: number; passed: number; failed: number }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--quiet", ...args],
    env: {
      NO_COLOR: "1",
      DENO_JOBS: jobs,
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
  const { code } = await child.status;
  const [, passed = "0", failed = "0"] = /\| (\d+) passed.*?\| (\d+) failed/.exec(tail) ?? [];
  // A run that broke off before it could count has failed, whatever it counted.
  const counted = Number(failed) || (code === 0 ? 0 : 1);
  return { code, passed: Number(passed), failed: counted };
}
