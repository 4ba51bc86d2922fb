/** A request as an upstream received it. */
export interface Seen {
  readonly method: string;
  /** Path and query, unchanged. */
  readonly target: string;
  readonly headers: Headers;
  /** The body's length, and its text where the body is short. */
  readonly bytes: number;
  readonly text: string;
  readonly signal: AbortSignal;
}

/** The handler of a plain web server that has no part of Edgepass. */
export type Handler = (request: Request, seen: Seen) => Response | Promise<Response>;

/** An upstream that records requests and responds as the test sets it. */
export interface RecordingUpstream extends AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[];
  /** The last request; there must be one. */
  last(): Seen;
  respondWith(handler: Handler): void;
  reset(): void;
}

const echo: Handler = (_request, { method, target, headers, text }) =>
  Response.json({ method, target, headers: Object.fromEntries(headers), body: text });

/** Starts an upstream on loopback; by default it echoes the request. */
export function startUpstream(): RecordingUpstream {
  const seen: Seen[] = [];
  let handler = echo;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { method, url, headers, signal } = request;
    const target = url.slice(url.indexOf("/", "http://".length));
    const { bytes, text } = await drain(request);
    const entry = { method, target, headers: new Headers(headers), bytes, text, signal };
    seen.push(entry);
    return await handler(request, entry);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    seen,
    last() {
      const entry = seen.at(-1);
      if (!entry) throw new Error("No request reached the upstream");
      return entry;
    },
    respondWith: (next) => handler = next,
    reset() {
      seen.length = 0;
      handler = echo;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function drain({ body }: Request): Promise<{ bytes: number; text: string }> {
  let bytes = 0;
  const stored: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes <= 65_536) stored.push(part);
  }
  return { bytes, text: await new Blob(stored).text() };
}

/** An upstream that writes given bytes, HTTP or not. */
export interface WireUpstream extends AsyncDisposable {
  readonly url: string;
  /** Number of connections so far. */
  readonly connections: number;
  /** Writes these bytes once a request has arrived, then closes; `undefined` closes at once. */
  setReply(text: string | undefined): void;
}

/** Starts it on loopback. */
export function startWireUpstream(): WireUpstream {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let text: string | undefined;
  let connections = 0;

  async function serve(connection: Deno.Conn): Promise<void> {
    connections++;
    try {
      await connection.read(new Uint8Array(65_536));
      if (text !== undefined) await connection.write(new TextEncoder().encode(text));
    } catch {
      // The client may close first.
    } finally {
      connection.close();
    }
  }
  const serving = (async () => {
    for await (const connection of listener) serve(connection);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    get connections() {
      return connections;
    },
    setReply: (next) => text = next,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}
