import type { Platform } from "./gateway_platforms.ts";

const root = new URL("../../", import.meta.url).pathname;

export interface WorkerdPlatform extends AsyncDisposable {
  readonly serve: Platform;
}

/**
 * Bundles the gateway as for a deployment and serves it by workerd alone: no front server rewrites
 * targets, headers or framing, and no proxy is between it and its upstreams.
 */
export async function createWorkerdPlatform(): Promise<WorkerdPlatform> {
  const folder = await Deno.makeTempDir();
  await bundle(folder);
  let count = 0;
  return {
    serve: async (bindings) => {
      const config = `${folder}/${count++}.capnp`;
      await Deno.writeTextFile(config, toConfig(bindings));
      return await run(config);
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function bundle(folder: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      // Resolved by the import map: a bare `npm:` name would add an unpinned entry to the lock
      // file.
      import.meta.resolve("wrangler"),
      "deploy",
      "--dry-run",
      "--outdir",
      folder,
      "--config",
      "tests/suite/gateway_wrangler.toml",
    ],
    cwd: root,
    env: { WRANGLER_SEND_METRICS: "false" },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** The configuration language of workerd has JSON's string escapes. */
function toConfig(bindings: Readonly<Record<string, string>>): string {
  const texts = Object.entries(bindings).map(([name, value]) =>
    `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(value)})`
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = (
      modules = [(name = "worker.js", esModule = embed "gateway_worker.js")],
      compatibilityDate = "2026-10-01",
      compatibilityFlags = ["nodejs_compat"],
      globalOutbound = "upstreams",
      bindings = [${texts.join(", ")}]
    )),
    (name = "upstreams", network = (allow = ["public", "private"]))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "gateway")]
);
`;
}

async function run(config: string): Promise<Awaited<ReturnType<Platform>>> {
  const child = new Deno.Command(`${root}node_modules/.bin/workerd`, {
    args: ["serve", config, "--control-fd=1"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let port: string | undefined;
  while (port === undefined) {
    const { done, value } = await output.read();
    if (done) throw new Error("Runtime ended before it listened");
    text += value;
    [, port] = /"event":"listen".*"port":(\d+)/.exec(text) ?? [];
  }
  const logLines: string[] = [];
  const rest = drain(output, logLines);
  return {
    origin: `http://127.0.0.1:${port}`,
    logLines,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await rest;
    },
  };
}

/**
 * Reads the output to its end: a full pipe would block the process. Its lines are those of the log.
 */
async function drain(
  output: ReadableStreamDefaultReader<string>,
  logLines: string[],
): Promise<void> {
  let rest = "";
  while (true) {
    const { done, value = "" } = await output.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    logLines.push(...lines.filter((line) => line.startsWith("{")));
  }
}
