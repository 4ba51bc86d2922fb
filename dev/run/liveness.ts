/** What a probe of a server finds: it responds, the connection is refused, or it takes too long. */
export type Look = "answers" | "refuses" | "silent";

export interface LivenessOptions {
  readonly look: () => Promise<Look>;
  /** Waits between two probes. */
  readonly pause: () => Promise<void>;
}

/** A busy machine may be late once or twice, and a Worker that is reloaded refuses for a moment. */
const maxFailures = 5;

/**
 * Resolves when a server has failed several probes in a row.
 *
 * The process that dev starts may outlive the one inside that serves, as wrangler outlives workerd:
 * dev would get no event of its end, and every request would hang.
 */
export async function untilDead({ look, pause }: LivenessOptions): Promise<Look> {
  for (let failures = 0;;) {
    await pause();
    const found = await look();
    failures = found === "answers" ? 0 : failures + 1;
    if (failures >= maxFailures) return found;
  }
}

const everyMs = 1_000;
const patienceMs = 5_000;

/** Probes a gateway on loopback by its `/livez`, which depends on no other service. */
export function livenessOf(port: number, host: string, ended: AbortSignal): LivenessOptions {
  const client = Deno.createHttpClient({ allowHost: true });
  ended.addEventListener("abort", () => client.close());
  return {
    async look() {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/livez`, {
          client,
          headers: { host },
          signal: AbortSignal.timeout(patienceMs),
        });
        await response.body?.cancel();
        return "answers";
      } catch (error) {
        return error instanceof TypeError ? "refuses" : "silent";
      }
    },
    pause: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        ended.addEventListener("abort", () => clearTimeout(timer));
      }),
  };
}
