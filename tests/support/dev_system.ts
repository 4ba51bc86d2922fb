import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { waitUntil } from "./wait.ts";

const projectRoot = fileURLToPath(new URL("../../", import.meta.url));
const readyLine = "Ctrl-C stops everything";
const readyWithinMs = 300_000;
const endsWithinMs = 60_000;

/** The exit of a dev command, and its whole output. */
export interface DevOutcome {
  readonly code: number;
  readonly output: string;
}

/** A dev command that serves. */
export interface DevSystem extends AsyncDisposable {
  readonly port: number;
  readonly dashboardPort: number;
  /** The process id of `deno task`. */
  readonly pid: number;
  /** Everything the command has written so far. */
  output(): string;
  /** Process ids of the command and of all processes that it started, the oldest first. */
  family(): Promise<number[]>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a signal to one of its processes and waits until the command is gone. */
  end(signal: Deno.Signal, pid?: number): Promise<DevOutcome>;
}

export interface DevOptions {
  readonly workspace: string;
  readonly port?: number;
  readonly task?: "dev" | "dev:workers";
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `deno task dev` and waits until it serves. */
export async function startDev(options: DevOptions): Promise<DevSystem> {
  const port = options.port ?? freePort();
  const dashboardPort = Number(options.env?.DASHBOARD_PORT ?? freePort());
  const command = spawn({ ...options, port, dashboardPort });
  await Promise.race([
    command.ended,
    waitUntil("dev is ready", () => command.output().includes(readyLine), readyWithinMs),
  ]);
  if (!command.output().includes(readyLine)) assert.fail(`dev did not start:\n${command.output()}`);
  return {
    port,
    dashboardPort,
    pid: command.pid,
    output: command.output,
    family: () => familyOf(command.pid),
    fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
    async end(signal, pid = command.pid) {
      const family = await familyOf(command.pid);
      Deno.kill(pid, signal);
      return await endOf(command, family);
    },
    async [Symbol.asyncDispose]() {
      if (command.hasEnded()) return;
      const family = await familyOf(command.pid);
      command.kill("SIGTERM");
      await endOf(command, family);
    },
  };
}

/** A dev command that tests share, and its workspace. */
export interface SharedDev {
  readonly workspace: { readonly path: string };
  readonly system: DevSystem;
}

/**
 * One dev, started when it is first needed, for all tests of a file that neither end it nor give it
 * settings of their own.
 */
export function shareDev(): () => Promise<SharedDev> {
  const resources = new AsyncDisposableStack();
  Deno.test.afterAll(() => resources.disposeAsync());
  const start = async (): Promise<SharedDev> => {
    const workspace = resources.use(await temporaryWorkspace());
    return { workspace, system: resources.use(await startDev({ workspace: workspace.path })) };
  };
  let shared: Promise<SharedDev> | undefined;
  return () => shared ??= start();
}

/** Runs a dev command that exits by itself. */
export async function runDev(options: DevOptions): Promise<DevOutcome> {
  const [port, dashboardPort] = [options.port ?? freePort(), freePort()];
  return await spawn({ ...options, port, dashboardPort }).ended;
}

/** A workspace for one test, deleted after it. */
export async function temporaryWorkspace(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "edgepass-dev-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Whether a loopback port has a listener. */
export async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** Waits until none of these processes exists; a failing test leaves none either. */
export async function waitUntilGone(pids: readonly number[]): Promise<void> {
  const living = async () => {
    const all = await processes();
    return pids.filter((pid) => all.has(pid));
  };
  try {
    const isOver = async () => (await living()).length === 0;
    await waitUntil("the processes are gone", isOver, endsWithinMs);
  } finally {
    for (const pid of await living()) Deno.kill(pid, "SIGKILL");
  }
}

/** The exit of a command; on a timeout the command's processes are killed. */
async function endOf(
  command: { ended: Promise<DevOutcome>; hasEnded: () => boolean },
  family: readonly number[],
): Promise<DevOutcome> {
  try {
    await waitUntil("the command has ended", command.hasEnded, endsWithinMs);
  } catch (error) {
    await waitUntilGone(family);
    throw error;
  }
  return await command.ended;
}

function spawn(
  { workspace, port, dashboardPort, task = "dev", args = [], env = {} }: DevOptions & {
    port: number;
    dashboardPort: number;
  },
) {
  const ports = { PORT: String(port), DASHBOARD_PORT: String(dashboardPort) };
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", task, ...args],
    cwd: projectRoot,
    env: { ...machine(), EDGEPASS_HOME: workspace, ...ports, ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  let hasEnded = false;
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  const ended = (async () => {
    const [{ code }] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
    hasEnded = true;
    return { code, output };
  })();
  return {
    pid: child.pid,
    output: () => output,
    hasEnded: () => hasEnded,
    kill: (signal: Deno.Signal) => child.kill(signal),
    ended,
  };
}

/**
 * The variables that Deno itself needs; settings of the developer's shell must not reach the
 * system.
 */
function machine(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "XDG_CACHE_HOME"];
  const found = names.map((name) => [name, Deno.env.get(name) ?? ""]);
  return { ...Object.fromEntries(found.filter(([, value]) => value !== "")), NO_COLOR: "1" };
}

async function familyOf(root: number): Promise<number[]> {
  const parents = await processes();
  const family = new Set([root]);
  for (let before = 0; before !== family.size;) {
    before = family.size;
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
  }
  return [...family];
}

/** Every living process of the machine and its parent. */
async function processes(): Promise<Map<number, number>> {
  // By their start: process ids begin anew once they have reached the system's maximum.
  const args = ["-A", "--sort=start_time", "-o", "pid=,ppid=,stat="];
  const command = new Deno.Command("ps", { args });
  const text = new TextDecoder().decode((await command.output()).stdout);
  const rows = text.trim().split("\n").map((row) => row.trim().split(/\s+/));
  // A process whose threads are still ending (`l`) holds its ports, even where its first thread is
  // a zombie.
  const living = rows.filter(([, , state = ""]) => !state.startsWith("Z") || state.includes("l"));
  return new Map(living.map(([pid, parent]) => [Number(pid), Number(parent)]));
}
