import type { FaultOptions } from "@edgepass/dev/qstash";
import type { System } from "./system.ts";

/** What QStash does wrong, one after the other through a run. */
const phases: readonly FaultOptions[] = [
  {},
  { duplicate: 0.2, lateDuplicate: 0.1, lateDuplicateMs: 20_000 },
  { reorder: 0.5, reorderMs: 2_000 },
  { lostAnswer: 0.1 },
  { apiError: 0.3 },
  { apiLostAnswer: 0.3 },
  { delay: 0.3, delayMs: 3_000, duplicate: 0.05 },
  { apiTooMany: 0.2, apiRetryAfterSeconds: 1 },
  { apiHang: 0.1, apiHangMs: 7_000 },
  { duplicate: 0.1, reorder: 0.2, delay: 0.05, lostAnswer: 0.05, apiError: 0.05 },
];

/** The faults at a part of a run, from 0 to 1; each of them comes once in every `rounds`. */
export function faultsAt(progress: number, rounds: number): FaultOptions {
  return phases[Math.floor(progress * rounds * phases.length) % phases.length] ?? {};
}

/** Tells QStash what to do wrong from now on; asks again while it is down. */
export async function setFaults({ qstash }: System, faults: FaultOptions): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`${qstash.url}/v2/local/faults`, {
        method: "PUT",
        headers: { authorization: `Bearer ${qstash.token}` },
        body: JSON.stringify(faults),
      });
      await response.body?.cancel();
      if (response.ok) return;
    } catch {
      // It is down.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
