/** A server that keeps listening. */
export interface Listening {
  /** Accepts no more requests; resolves when those in flight have their response. */
  shutdown(): Promise<void>;
}

/** Options of a listening server. */
export interface ListenOptions {
  readonly port: number;
  readonly hostname: string;
  readonly handler: Deno.ServeHandler;
  /** Called with the cause when the server could not accept connections any more. */
  readonly onLost: (cause: unknown) => void;
}

/** Delay between two attempts, in milliseconds. */
const retryAfterMs = 100;

/**
 * Serves, and listens again when Deno's server has ended by itself, as it does when the process has
 * no file descriptor left for a connection. Otherwise a client that opens too many connections
 * would end the process. Open connections continue meanwhile.
 *
 * @throws what `Deno.serve` throws the first time
 */
export function listenForEver({ port, hostname, handler, onLost }: ListenOptions): Listening {
  let isOver = false;
  let server = open();

  function open(): Deno.HttpServer {
    const opened = Deno.serve({ port, hostname, onListen: () => {} }, handler);
    opened.finished.catch((cause: unknown) => {
      onLost(cause);
      setTimeout(reopen, retryAfterMs);
    });
    return opened;
  }

  function reopen(): void {
    if (isOver) return;
    try {
      server = open();
    } catch {
      setTimeout(reopen, retryAfterMs);
    }
  }

  return {
    async shutdown() {
      isOver = true;
      // A server that has ended by itself has nothing to wait for.
      await server.shutdown().catch(() => {});
    },
  };
}

/** Ends a process that still has requests in flight, while clients go on sending more. */
export interface Drain {
  /**
   * Reports not ready for `delayMs`, then waits until nothing is in flight, within the limits of
   * {@link DrainOptions}. Resolves when the server must be shut down: what is still in flight then
   * continues, and further connections are refused.
   */
  begin(): Promise<void>;
  /**
   * Serves a request, during the drain as the last one of its connection. `completed` settles when
   * its response is sent, the body included, or cannot be sent any more.
   */
  serve(
    request: Request,
    completed: Promise<void>,
    fetch: (request: Request) => Response | Promise<Response>,
  ): Response | Promise<Response>;
}

/** All in milliseconds. */
export interface DrainOptions {
  /** How long load balancers get to notice `/readyz` before the wait begins. */
  readonly delayMs: number;
  /**
   * Longest wait for requests that came before or during the delay: a stream may have no end, and
   * requests that arrive until the process exits would be cut off with it instead of refused.
   */
  readonly maxEarlyMs?: number;
  /**
   * Longest further wait for requests that came after the delay: a client that ignores readiness
   * would keep the process alive for good.
   */
  readonly maxLateMs?: number;
}

/** Requests that began in one phase and are not completed. */
interface Phase {
  count: number;
  onNone: () => void;
}

/**
 * Creates a drain. During it `/readyz` is 503, so that load balancers stop sending requests, and
 * every response closes its connection, so that no client sends its next request into a connection
 * that is about to close.
 *
 * The server goes on accepting until nothing is in flight, or a second before the process exits:
 * `Deno.HttpServer.shutdown()` of Deno 2.9.6 breaks every request body that is still being sent
 * (denoland/deno#36809), so that an upload across a rolling restart would be lost.
 */
export function createDrain(
  { delayMs, maxEarlyMs = 8_000, maxLateMs = 1_000 }: DrainOptions,
): Drain {
  const early: Phase = { count: 0, onNone: () => {} };
  const late: Phase = { count: 0, onNone: () => {} };
  let arriving = early;
  let isDraining = false;

  function count(completed: Promise<void>): void {
    const phase = arriving;
    phase.count++;
    const end = () => {
      if (--phase.count === 0) phase.onNone();
    };
    // It rejects when the client has disconnected; then the request is no longer in flight either.
    completed.then(end, end);
  }

  return {
    async begin() {
      isDraining = true;
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      arriving = late;
      await none(early, maxEarlyMs);
      await none(late, maxLateMs);
    },
    serve(request, completed, fetch) {
      count(completed);
      return isDraining ? serveLast(request, fetch) : fetch(request);
    },
  };
}

function none(phase: Phase, maxMs: number): Promise<void> {
  if (phase.count === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, maxMs);
    phase.onNone = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

async function serveLast(
  request: Request,
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<Response> {
  const isAskedForReadiness = new URL(request.url).pathname === "/readyz";
  const response = isAskedForReadiness ? notReady() : await fetch(request);
  const headers = new Headers(response.headers);
  headers.set("connection", "close");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}

function notReady(): Response {
  return Response.json({ status: "not ready", checks: { process: "is about to end" } }, {
    status: 503,
    headers: { "cache-control": "no-store", "retry-after": "1" },
  });
}

/** Records the requests in flight, so that they can be read after a crash. */
export interface InFlight {
  /** Records a request; calling the result records its end. */
  begin(request: Request): () => void;
}

/** A file without requests under way is emptied beyond this size. */
const maxBytes = 65_536;

/**
 * Records requests in a file, synchronously, so that the record survives a killed process.
 *
 * For development: each request costs two writes. Lines are `{"b":n,"m":method,"p":path,"t":ms}` at
 * its begin and `{"e":n}` at its end; a query is not recorded, since it may hold secrets. On a full
 * disk requests go on without records.
 */
export function noteInFlight(path: string, now: () => number = Date.now): InFlight {
  const file = Deno.openSync(path, { create: true, write: true, truncate: true, mode: 0o600 });
  const encoder = new TextEncoder();
  let began = 0;
  let underWay = 0;
  let written = 0;
  const write = (line: object): void => {
    try {
      written += file.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));
    } catch {
      // If thrown, a request that could have been served would fail.
    }
  };
  return {
    begin({ method, url }) {
      const b = ++began;
      underWay++;
      write({ b, m: method, p: new URL(url).pathname, t: now() });
      return () => {
        underWay--;
        write({ e: b });
        if (underWay > 0 || written < maxBytes) return;
        file.truncateSync();
        file.seekSync(0, Deno.SeekMode.Start);
        written = 0;
      };
    },
  };
}
