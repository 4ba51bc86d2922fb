import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A minimal TCP balancer: round robin over the backends that are ready. */
export interface Balancer extends AsyncDisposable {
  readonly origin: string;
}

const hostname = "127.0.0.1";
/** Interval of the readiness checks, in milliseconds. */
export const probeEveryMs = 50;

/** Starts a balancer. A backend that refuses a connection is skipped. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const ready = new Set<number>(ports);
  const open = new Set<Socket>();
  let turn = 0;

  function choose(): number[] {
    turn++;
    const inTurn = ports.map((_, at) => ports[(at + turn) % ports.length] ?? 0);
    return [
      ...inTurn.filter((port) => ready.has(port)),
      ...inTurn.filter((one) => !ready.has(one)),
    ];
  }

  const server = createServer({ noDelay: true }, (client) => {
    keep(client, open);
    client.pause();
    join(client, choose(), open);
  });
  const probing = setInterval(() => {
    for (const port of ports) {
      void isReady(port).then((itIs) => itIs ? ready.add(port) : ready.delete(port));
    }
  }, probeEveryMs);
  server.listen(0, hostname);
  await once(server, "listening");
  return {
    origin: `http://${hostname}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      clearInterval(probing);
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function join(client: Socket, [port, ...others]: readonly number[], open: Set<Socket>): void {
  if (port === undefined) return void client.destroy();
  const backend = connect({ host: hostname, port, noDelay: true });
  keep(backend, open);
  backend.once("error", () => join(client, others, open));
  backend.once("connect", () => {
    backend.removeAllListeners("error");
    for (const [from, to] of [[client, backend], [backend, client]] as const) {
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
    client.pipe(backend);
    backend.pipe(client);
  });
}

function keep(socket: Socket, open: Set<Socket>): void {
  open.add(socket);
  socket.on("close", () => open.delete(socket));
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://${hostname}:${port}/readyz`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(2_000),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
