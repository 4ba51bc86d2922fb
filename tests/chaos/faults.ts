import type { FaultOptions } from "@edgepass/local/qstash";
import type { System } from "./system.ts";

/** The faults of QStash, one after the other through a run. */
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

/** The faults at a progress from 0 to 1; each occurs once in every one of the `rounds`. */
export function faultsAt(progress: number, rounds: number): FaultOptions {
  return phases[Math.floor(progress * rounds * phases.length) % phases.length] ?? {};
}

/** Sets the faults of QStash; repeats the call while QStash is down. */
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
      // QStash is down.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
