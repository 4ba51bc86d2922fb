import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What a proxy does to the connections that go through it, also to those that are open already. */
export type Fault =
  | { readonly kind: "none" }
  /** Nothing listens. */
  | { readonly kind: "refuse" }
  /** Takes connections and bytes, and never answers. */
  | { readonly kind: "silent" }
  /** Each part of an answer comes so much later. */
  | { readonly kind: "latency"; readonly ms: number }
  /** Answers trickle. */
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  /** The connection is reset when a request comes. */
  | { readonly kind: "reset" }
  /** The connection ends, or is reset, after so many bytes of an answer. */
  | { readonly kind: "cut"; readonly afterBytes: number; readonly how: "end" | "reset" }
  /** The answer's bytes are replaced by these. */
  | { readonly kind: "garbage"; readonly bytes: Uint8Array };

/** A TCP proxy in front of one server. */
export interface TcpProxy {
  readonly port: number;
  readonly url: string;
  /** Resolves when the fault holds for every connection. */
  set(fault: Fault): Promise<void>;
  /** Connections to the server that are open. */
  connections(): number;
  /** Connections that were ever taken. */
  accepted(): number;
  close(): Promise<void>;
}

/** Starts a proxy on loopback in front of `target`, which need not listen yet. */
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
  let answered = 0;
  // One after the other, or a part that was let through at once would overtake a late one.
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
      const rest = Math.max(0, now.afterBytes - answered);
      answered += bytes.length;
      client.write(bytes.subarray(0, rest));
      if (bytes.length < rest) return;
      if (now.how === "reset") reset();
      else destroy();
    });
  });
  upstream.on("end", () => later(() => void client.end()));
}

/** A socket without an encoding has no texts, which its type does not say. */
function toBytes(part: string | Uint8Array): Uint8Array {
  return typeof part === "string" ? new TextEncoder().encode(part) : part;
}

/** What the reader does not take yet, the writer is not let send. */
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
