/** A real redis-server for a test, on loopback, without persistence. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

export interface RedisServerOptions {
  /** Default: a free one */
  readonly port?: number;
  /** Default: a temporary one, removed at the end */
  readonly dir?: string;
  readonly password?: string;
}

/** Whether redis-server is installed. */
export async function hasRedisServer(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("redis-server", {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Starts redis-server and resolves when it responds. Dispose to end it. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { port = freePort(), dir, password } = options;
  const folder = dir ?? await Deno.makeTempDir({ prefix: "redis-" });
  const secret = password === undefined ? [] : ["--requirepass", password];
  const process = new Deno.Command("redis-server", {
    args: [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder],
      ...["--save", "", "--appendonly", "no", ...secret],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const log = await readUntilReady(process.stdout);
  return {
    port,
    url: `redis://${password === undefined ? "" : `:${password}@`}127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await log.cancel();
      await process.status;
      if (dir === undefined) await Deno.remove(folder, { recursive: true });
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The rest of the log is read and dropped: a full pipe would block the server. */
async function readUntilReady(
  stdout: ReadableStream<Uint8Array>,
): Promise<{ cancel: () => Promise<void> }> {
  const reader = stdout.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  while (!log.includes("Ready to accept connections")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start redis-server: ${log}`);
    log += value;
  }
  const drained = drain(reader);
  return {
    async cancel() {
      await reader.cancel();
      await drained;
    },
  };
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}
