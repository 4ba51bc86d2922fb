/** An HTTP/1.1 request as raw bytes, so that no client normalises it. */
export interface WireRequest {
  readonly method?: string;
  /** The request target, unchanged. */
  readonly target: string;
  /** Header lines in order; `host` is added where it is missing. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Whether the body ended as its framing declared. */
  readonly complete: boolean;
  /** The body as text. */
  readonly text: string;
  /** All received bytes, with the head. */
  readonly raw: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Sends one request on its own connection and reads until the server closes it. */
export async function sendOnWire(origin: string, request: WireRequest): Promise<WireResponse> {
  const { method = "GET", target, headers = [], body } = request;
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(names.has("host") ? [] : [`Host: ${new URL(origin).host}`]),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(bytes && !names.has("content-length") && !names.has("transfer-encoding")
      ? [`Content-Length: ${bytes.length}`]
      : []),
    ...(names.has("connection") ? [] : ["Connection: close"]),
  ];
  const head = encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
  return readResponse(await exchange(origin, [head, ...(bytes ? [bytes] : [])]), method);
}

/** Sends bytes unchanged and returns everything that comes back. */
export async function exchange(
  origin: string,
  parts: readonly Uint8Array[],
): Promise<Uint8Array<ArrayBuffer>> {
  const { hostname, port } = new URL(origin);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  try {
    await sendAll(connection, parts);
    return await readAll(connection);
  } finally {
    connection.close();
  }
}

/** A server that refuses early may close before it has read everything. */
async function sendAll(connection: Deno.Conn, parts: readonly Uint8Array[]): Promise<void> {
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length;) at += await connection.write(part.subarray(at));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe || isReset(error))) throw error;
  }
}

async function readAll(connection: Deno.Conn): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const buffer = new Uint8Array(65_536);
  try {
    for (let read = await connection.read(buffer); read !== null;) {
      chunks.push(buffer.slice(0, read));
      read = await connection.read(buffer);
    }
  } catch (error) {
    if (!isReset(error)) throw error;
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function isReset(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}

function readResponse(bytes: Uint8Array<ArrayBuffer>, method: string): WireResponse {
  // One character per byte, so that positions in the text are positions in the bytes.
  const raw = Array.from(bytes.subarray(0, 65_536), (byte) => String.fromCharCode(byte)).join("");
  const end = raw.indexOf("\r\n\r\n");
  if (end === -1) {
    return { status: 0, headers: new Headers(), body: bytes, complete: false, text: "", raw };
  }
  const [statusLine = "", ...lines] = raw.slice(0, end).split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const status = Number(statusLine.split(" ")[1]);
  const rest = bytes.slice(end + 4);
  const isEmpty = method === "HEAD" || status === 204 || status === 304;
  const { body, complete } = isEmpty
    ? { body: rest, complete: rest.length === 0 }
    : readBody(rest, headers);
  return { status, headers, body, complete, text: decoder.decode(body), raw };
}

function readBody(
  bytes: Uint8Array<ArrayBuffer>,
  headers: Headers,
): { body: Uint8Array<ArrayBuffer>; complete: boolean } {
  if (headers.get("transfer-encoding") === "chunked") return readChunks(bytes);
  const declared = headers.get("content-length");
  return { body: bytes, complete: declared === null || Number(declared) === bytes.length };
}

function readChunks(bytes: Uint8Array<ArrayBuffer>) {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf(10, at);
    if (lineEnd === -1) return { body: concat(chunks), complete: false };
    const size = Number.parseInt(decoder.decode(bytes.subarray(at, lineEnd)), 16);
    if (size === 0) return { body: concat(chunks), complete: true };
    const start = lineEnd + 1;
    if (bytes.length < start + size) return { body: concat(chunks), complete: false };
    chunks.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}

function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
