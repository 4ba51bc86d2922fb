import { fileURLToPath } from "node:url";
import { StartError } from "../workspace/start.ts";
import { projectRoot } from "../workspace/workspace.ts";

/** A program of ours in a process of its own. */
export interface ProcessPlan {
  readonly name: string;
  /** Arguments of `deno run`: permissions, the program, and its own arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Ends by itself within seconds; waiting for the end of standard input would keep it alive. */
  readonly isShortLived?: boolean;
}

/** How a process ended. */
export interface Ending {
  readonly name: string;
  readonly code: number;
  readonly signal: string | null;
  /** The last lines it wrote. */
  readonly lastLines: readonly string[];
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process is gone and all its output has been passed on. */
  readonly ended: Promise<Ending>;
  /** Signals it to end, and kills it after `graceMs`. Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
  /** Kills it at once. */
  kill(): void;
}

export type LineListener = (line: string, source: { name: string; isError: boolean }) => void;

const keptLines = 8;

const preload = fileURLToPath(new URL("./leave_with_parent.ts", import.meta.url));

/**
 * Starts a program under this very Deno.
 *
 * Its standard input is a pipe that is never written to: it closes with this process, and the
 * preloaded module ends the child then. Of this process's environment only `env` is passed on.
 */
export function startProcess(plan: ProcessPlan, onLine: LineListener): RunningProcess {
  const preloads = plan.isShortLived ? [] : [`--preload=${preload}`];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...preloads, ...plan.args],
    cwd: projectRoot,
    env: { ...plan.env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // The writer is held for as long as the process is: a garbage-collected stream would close the
  // pipe.
  const stdin = child.stdin.getWriter();
  const lastLines: string[] = [];
  const receive = (isError: boolean) => (line: string) => {
    lastLines.push(line);
    if (lastLines.length > keptLines) lastLines.shift();
    onLine(line, { name: plan.name, isError });
  };
  const ended = (async (): Promise<Ending> => {
    const [{ code, signal }] = await Promise.all([
      child.status,
      forEachLine(child.stdout, receive(false)),
      forEachLine(child.stderr, receive(true)),
    ]);
    await stdin.abort().catch(() => {});
    return { name: plan.name, code, signal, lastLines };
  })();
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch {
      // The process ended before the signal.
    }
  };
  return {
    name: plan.name,
    pid: child.pid,
    ended,
    kill: () => signal("SIGKILL"),
    async stop(graceMs) {
      signal("SIGTERM");
      const timer = setTimeout(() => signal("SIGKILL"), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** A line longer than this is cut into several. */
const maxLineLength = 65_536;

/** Passes on the lines of a stream of bytes one by one; the last one may lack its line feed. */
export async function forEachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
    for (; rest.length > maxLineLength; rest = rest.slice(maxLineLength)) {
      onLine(rest.slice(0, maxLineLength));
    }
  }
  if (rest !== "") onLine(rest);
}

const hostname = "127.0.0.1";

/** How long a port may stay taken: children of a dev that was killed need a moment to end. */
const patienceMs = 1_500;

/**
 * Makes sure that a port can be listened on.
 *
 * @throws {StartError} naming the variable and the number
 */
export async function requireFreePort(name: string, port: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      Deno.listen({ hostname, port }).close();
      return;
    } catch (cause) {
      const isTaken = cause instanceof Deno.errors.AddrInUse;
      if (isTaken && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      const reason = isTaken ? "is in use by another program" : "may not be listened on";
      throw new StartError(`${name} ${port} ${reason}; set ${name} to another port`, { cause });
    }
  }
}

/** Ports that were free a moment ago, all different. */
export function findFreePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname, port: 0 }));
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
