/** What both endpoints need to serve one machine: token, body, port, lock, end. */
import { createHash, timingSafeEqual } from "node:crypto";
import { dirname } from "node:path";

const hostname = "127.0.0.1";

/** A server on loopback, and where it is. */
export interface LoopbackServer {
  readonly url: string;
  /** Ends when every request has its response. */
  close(): Promise<void>;
}

/** An endpoint that cannot start; the message says why in one sentence, without a secret. */
export class EndpointError extends Error {
  override readonly name = "EndpointError";
}

export type LoopbackHandler = (request: Request, peer: string) => Promise<Response>;

/**
 * Serves on loopback, on the port that a file has from last time as long as it is free. `peer` is
 * the address of the client.
 */
export function serveOnReservedPort(portFile: string, handler: LoopbackHandler): LoopbackServer {
  const server = serveOnLoopback(readPort(portFile), handler);
  const draft = `${portFile}.new`;
  Deno.writeTextFileSync(draft, new URL(server.url).port, { mode: 0o600 });
  Deno.renameSync(draft, portFile);
  return server;
}

/** Serves on this port of loopback, or on any where it is taken or 0. */
export function serveOnLoopback(port: number, handler: LoopbackHandler): LoopbackServer {
  const serve = (port: number) =>
    Deno.serve(
      { hostname, port, onListen: () => {} },
      (request, { remoteAddr }) => handler(request, remoteAddr.hostname),
    );
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = serve(port);
  } catch (error) {
    if (port === 0 || !(error instanceof Deno.errors.AddrInUse)) throw error;
    server = serve(0);
  }
  return { url: `http://${hostname}:${server.addr.port}`, close: () => server.shutdown() };
}

function readPort(path: string): number {
  try {
    const port = Number(Deno.readTextFileSync(path));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
  } catch {
    return 0;
  }
}

/** Writes `{"url"}` as the first line of a process, and waits until a signal requests its end. */
export async function announceUntilSignal(url: string): Promise<void> {
  console.log(JSON.stringify({ url }));
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, resolve);
  await promise;
}

/**
 * Takes the file of an endpoint for this process alone, and creates its folder where missing. The
 * lock ends with the process, however that ends; the empty lock file may stay.
 *
 * @throws {Error} if another process holds it
 */
export function lockFile(path: string, data: string): () => void {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = Deno.openSync(`${path}.lock`, { create: true, write: true, mode: 0o600 });
  if (lock.tryLockSync(true)) return () => lock.close();
  lock.close();
  throw new Error(`Cannot open the ${data} data: another process uses it`);
}

/**
 * Makes the check of a bearer token. It compares digests: comparing the texts would leak the
 * token's content and length by the time it takes.
 */
export function createTokenCheck(token: string): (request: Request, otherwise?: string) => boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const expected = digest(token);
  return ({ headers }, otherwise = "") => {
    const bearer = /^bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    return timingSafeEqual(digest(bearer ?? otherwise), expected);
  };
}

/**
 * Reads a body of at most `maxBytes`. With a declared length, which the server enforces, it is read
 * in one piece.
 *
 * @throws {Error} what `tooLarge` makes
 */
export async function readLimitedBody(
  request: Request,
  maxBytes: number,
  tooLarge: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = request.headers.get("content-length");
  if (declared !== null) {
    if (Number(declared) > maxBytes) throw tooLarge();
    return new Uint8Array(await request.arrayBuffer());
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
