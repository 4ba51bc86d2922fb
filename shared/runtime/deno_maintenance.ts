import type { Application } from "../application.ts";
import type { Logger } from "../log.ts";

/**
 * Makes what a timer calls: one sweep at a time, and while a long one runs the part of it that cannot
 * wait. After a failure the next call tries again.
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

/** Says whether it began, which it does not while the last call still runs. */
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
