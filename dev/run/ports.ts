import { StartError } from "../workspace/start_error.ts";

const hostname = "127.0.0.1";

/** How long a port may stay taken: children of a dev that was killed need a moment to end. */
const patienceMs = 1_500;

/**
 * Makes sure that a port can be listened on.
 *
 * @throws {StartError} naming the variable and the number
 */
export async function requireFreePort(name: string, port: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      Deno.listen({ hostname, port }).close();
      return;
    } catch (cause) {
      const isTaken = cause instanceof Deno.errors.AddrInUse;
      if (isTaken && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      const reason = isTaken ? "is taken by another program" : "may not be listened on";
      throw new StartError(`${name} ${port} ${reason}; set ${name} to another port`, { cause });
    }
  }
}

/** Ports that were free a moment ago, all different. */
export function findFreePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname, port: 0 }));
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
