/** A server that goes on listening. */
export interface Listening {
  /** Takes no more requests; resolves when those under way are answered. */
  shutdown(): Promise<void>;
}

/** What listening takes. */
export interface ListenOptions {
  readonly port: number;
  readonly hostname: string;
  readonly handler: Deno.ServeHandler;
  /** Hears why nobody could be let in any more. */
  readonly onLost: (cause: unknown) => void;
}

/** Between two tries, in milliseconds. */
const retryAfterMs = 100;

/**
 * Serves, and listens again where Deno's server has ended by itself, as it does when a connection
 * cannot be taken because the process has no descriptor left: whoever opened too many would end the
 * process else. Connections that are open go on meanwhile.
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
      // One that has ended by itself has nothing to wait for.
      await server.shutdown().catch(() => {});
    },
  };
}
