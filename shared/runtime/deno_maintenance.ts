import type { Application } from "../composition/upstream.ts";
import type { Logger } from "../log.ts";

/**
 * Creates the timer's callback: one maintenance run at a time, and while a long one runs its urgent
 * part. After a failure the next call retries.
 */
export function createMaintenance(
  app: Pick<Application, "maintain" | "maintainUrgent">,
  log: Logger,
): () => void {
  const maintain = oneAtATime(() => app.maintain?.(), log);
  const maintainUrgent = oneAtATime(() => app.maintainUrgent?.(), log);
  return function tick() {
    if (!maintain()) maintainUrgent();
  };
}

/** Returns whether it began; it does not while the previous call still runs. */
function oneAtATime(work: () => Promise<void> | undefined, log: Logger): () => boolean {
  let running = false;
  async function run(): Promise<void> {
    try {
      await work();
    } catch (cause) {
      log.error("Sweep failed", { cause });
    } finally {
      running = false;
    }
  }
  return function begin() {
    if (running) return false;
    running = true;
    void run();
    return true;
  };
}
