import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A proxy's fault; it applies to open connections too. */
export type Fault =
  | { readonly kind: "none" }
  /** Nothing listens. */
  | { readonly kind: "refuse" }
  /** Accepts connections and bytes, and never responds. */
  | { readonly kind: "silent" }
  /** Each part of a response is delayed. */
  | { readonly kind: "latency"; readonly ms: number }
  /** Responses are slow. */
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  /** The connection is reset when a request arrives. */
  | { readonly kind: "reset" }
  /** The connection ends, or is reset, after this many bytes of a response. */
  | { readonly kind: "cut"; readonly afterBytes: number; readonly how: "end" | "reset" }
  /** The response's bytes are replaced by these. */
  | { readonly kind: "garbage"; readonly bytes: Uint8Array };

/** A TCP proxy in front of one server. */
export interface TcpProxy {
  readonly port: number;
  readonly url: string;
  /** Resolves when the fault applies to every connection. */
  set(fault: Fault): Promise<void>;
  /** Connections to the server that are open. */
  connections(): number;
  /** Connections accepted so far. */
  accepted(): number;
  close(): Promise<void>;
}

/** Starts a proxy on loopback in front of `target`, which may start later. */
export async function startTcpProxy(
  target: { readonly hostname: string; readonly port: number },
): Promise<TcpProxy> {
  let fault: Fault = { kind: "none" };
  let taken = 0;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    taken++;
    pipe(client, { target, fault: () => fault, open });
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    for (const socket of open) socket.resetAndDestroy();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  const port = await listen(0);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async set(next) {
      fault = next;
      if (next.kind === "refuse") await stop();
      else if (!server.listening) await listen(port);
    },
    connections: () => open.size / 2,
    accepted: () => taken,
    close: stop,
  };
}

interface Pipe {
  readonly target: { readonly hostname: string; readonly port: number };
  readonly fault: () => Fault;
  readonly open: Set<Socket>;
}

function pipe(client: Socket, { target, fault, open }: Pipe): void {
  const upstream = connect({ host: target.hostname, port: target.port, allowHalfOpen: true });
  const both = [client, upstream];
  const destroy = (): void => both.forEach((socket) => socket.destroy());
  const reset = (): void => both.forEach((socket) => socket.resetAndDestroy());
  for (const socket of both) {
    socket.setNoDelay(true);
    open.add(socket);
    socket.on("error", destroy);
    socket.on("close", () => {
      open.delete(socket);
      destroy();
    });
  }
  client.on("data", (part) => {
    const bytes = toBytes(part);
    const { kind } = fault();
    if (kind === "reset") return reset();
    if (kind !== "silent") send(bytes, { from: client, to: upstream });
  });
  client.on("end", () => upstream.end());
  let sentBytes = 0;
  // In sequence: a part that passed at once would overtake a delayed one.
  let before: Promise<void> = Promise.resolve();
  const later = (work: () => void | Promise<void>): void => {
    before = before.then(async () => {
      if (!client.destroyed) await work();
    });
  };
  upstream.on("data", (part) => {
    const bytes = toBytes(part);
    const now = fault();
    const cameAt = performance.now();
    later(async () => {
      if (now.kind === "silent") return;
      if (now.kind === "latency") await wait(cameAt + now.ms - performance.now());
      if (now.kind === "bandwidth") return await trickle(bytes, now.bytesPerSecond, client);
      if (now.kind === "garbage") return send(now.bytes, { from: upstream, to: client });
      if (now.kind !== "cut") return send(bytes, { from: upstream, to: client });
      const rest = Math.max(0, now.afterBytes - sentBytes);
      sentBytes += bytes.length;
      client.write(bytes.subarray(0, rest));
      if (bytes.length < rest) return;
      if (now.how === "reset") reset();
      else destroy();
    });
  });
  upstream.on("end", () => later(() => void client.end()));
}

/** A socket without an encoding emits no strings, which its type does not express. */
function toBytes(part: string | Uint8Array): Uint8Array {
  return typeof part === "string" ? new TextEncoder().encode(part) : part;
}

/** Stops the writer while the reader does not accept more data. */
function send(
  bytes: Uint8Array,
  { from, to }: { readonly from: Socket; readonly to: Socket },
): void {
  if (to.destroyed || to.write(bytes) || from.isPaused()) return;
  from.pause();
  to.once("drain", () => from.resume());
}

async function trickle(bytes: Uint8Array, bytesPerSecond: number, to: Socket): Promise<void> {
  const part = Math.max(1, Math.ceil(bytesPerSecond / 20));
  for (let at = 0; at < bytes.length && !to.destroyed; at += part) {
    to.write(bytes.subarray(at, at + part));
    await wait(50);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
