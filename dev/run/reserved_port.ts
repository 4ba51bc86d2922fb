import { writeText } from "../workspace/state_file.ts";

const hostname = "127.0.0.1";

/** A server on loopback, and where it is. */
export interface LoopbackServer {
  readonly url: string;
  /** Ends when every request has its response. */
  close(): Promise<void>;
}

/**
 * Serves on loopback, on the port that a file has from last time as long as it is free. `peer` is
 * the address of the client.
 */
export function serveOnReservedPort(
  portFile: string,
  handler: (request: Request, peer: string) => Promise<Response>,
): LoopbackServer {
  const server = listen(readPort(portFile), handler);
  const { port } = server.addr;
  writeText(portFile, String(port));
  return { url: `http://${hostname}:${port}`, close: () => server.shutdown() };
}

function listen(
  port: number,
  handler: (request: Request, peer: string) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  const serve = (port: number) =>
    Deno.serve(
      { hostname, port, onListen: () => {} },
      (request, { remoteAddr }) => handler(request, remoteAddr.hostname),
    );
  try {
    return serve(port);
  } catch (error) {
    if (port === 0 || !(error instanceof Deno.errors.AddrInUse)) throw error;
    return serve(0);
  }
}

function readPort(path: string): number {
  try {
    const port = Number(Deno.readTextFileSync(path));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
  } catch {
    return 0;
  }
}
