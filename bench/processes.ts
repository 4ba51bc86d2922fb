const root = new URL("../", import.meta.url);

/** A server in a process of its own, whose CPU time the kernel counts. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  /** CPU seconds of the process so far, user and system. */
  cpuSeconds(): number;
  residentBytes(): number;
}

/** Starts one of `bench/servers/`, at `PORT` where that is given, and waits until it responds. */
export async function start(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const port = env.PORT === undefined ? freePort() : Number(env.PORT);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", new URL(`bench/servers/${name}.ts`, root).pathname],
    env: { ...env, PORT: String(port) },
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  await untilListening(port);
  return {
    port,
    cpuSeconds: () => cpuSeconds(child.pid),
    residentBytes: () => residentBytes(child.pid),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

/** A port that is free at this moment. */
export function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      using _ = await Deno.connect({ port, hostname: "127.0.0.1" });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`Server does not listen on port ${port}`);
}

/** Fields 14 and 15 of proc(5) stat, in clock ticks of 10 ms. */
function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentBytes(pid: number): number {
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+)/.exec(
    Deno.readTextFileSync(`/proc/${pid}/status`),
  ) ?? [];
  return Number(kilobytes) * 1024;
}
