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
