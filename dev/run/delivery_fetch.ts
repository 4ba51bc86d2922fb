/** How the local QStash reaches the system. */
export interface DeliveryFetch {
  readonly fetch: typeof fetch;
  /** Lets deliveries go out, once the gateway serves requests. */
  open(): void;
  /**
   * Holds back those that have not gone out yet, so that a system that ends costs them no attempt.
   */
  hold(): void;
  close(): void;
}

/**
 * Makes the `fetch` of the local QStash. It sends what goes to the public origin to the gateway's
 * port, under the name that clients use: no server on this machine may listen at that origin.
 *
 * Such a delivery waits until the system is ready, as long as its own timeout allows.
 */
export function createDeliveryFetch(
  { publicOrigin, port }: { readonly publicOrigin: string; readonly port: number },
): DeliveryFetch {
  const here = `http://127.0.0.1:${port}`;
  // A malformed origin is refused by the programs, which report it themselves.
  const { origin, host } = URL.parse(publicOrigin) ?? new URL(here);
  const client = Deno.createHttpClient({ allowHost: true });
  let gate = Promise.withResolvers<void>();
  return {
    async fetch(input, init) {
      const url = input instanceof Request ? input.url : String(input);
      if (!url.startsWith(`${origin}/`)) return await fetch(input, init);
      await passed(gate.promise, init?.signal ?? undefined);
      const headers = new Headers(init?.headers);
      headers.set("host", host);
      return await fetch(here + url.slice(origin.length), { ...init, headers, client });
    },
    open: () => gate.resolve(),
    hold: () => gate = Promise.withResolvers(),
    close: () => client.close(),
  };
}

/** @throws the signal's reason when that comes first */
async function passed(gate: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = () => reject(signal?.reason);
  signal?.addEventListener("abort", leave);
  try {
    await Promise.race([gate, left]);
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}
