/** A request as an upstream saw it. */
export interface Seen {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly headers: Headers;
  /** The body's length, and its text where it is short. */
  readonly bytes: number;
  readonly text: string;
  readonly signal: AbortSignal;
}

/** Answers a request; a plain web server, in any language, that knows nothing of the gateway. */
export type Answer = (request: Request, seen: Seen) => Response | Promise<Response>;

/** An upstream that records what it sees and answers as a test says. */
export interface RecordingUpstream extends AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[];
  /** The last request; there must be one. */
  last(): Seen;
  answerWith(answer: Answer): void;
  reset(): void;
}

const echo: Answer = (_request, { method, target, headers, text }) =>
  Response.json({ method, target, headers: Object.fromEntries(headers), body: text });

/** Starts an upstream on loopback; by default it echoes what it saw. */
export function startUpstream(): RecordingUpstream {
  const seen: Seen[] = [];
  let answer = echo;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { method, url, headers, signal } = request;
    const target = url.slice(url.indexOf("/", "http://".length));
    const { bytes, text } = await drain(request);
    const entry = { method, target, headers: new Headers(headers), bytes, text, signal };
    seen.push(entry);
    return await answer(request, entry);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    seen,
    last() {
      const entry = seen.at(-1);
      if (!entry) throw new Error("No request reached the upstream");
      return entry;
    },
    answerWith: (next) => answer = next,
    reset() {
      seen.length = 0;
      answer = echo;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function drain({ body }: Request): Promise<{ bytes: number; text: string }> {
  let bytes = 0;
  const kept: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes <= 65_536) kept.push(part);
  }
  return { bytes, text: await new Blob(kept).text() };
}

/** An upstream that writes what it is told, HTTP or not. */
export interface WireUpstream extends AsyncDisposable {
  readonly url: string;
  /** Connections so far. */
  readonly connections: number;
  /** Writes these bytes once a request has come, then closes; `undefined` closes at once. */
  say(text: string | undefined): void;
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
      // The other side may leave first.
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
    say: (next) => text = next,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}
