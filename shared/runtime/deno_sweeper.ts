import type { Application } from "../application.ts";
import type { Logger } from "../log.ts";

/**
 * Makes what a timer calls: one sweep at a time, and while a long one runs the part of it that cannot
 * wait. After a failure the next call tries again.
 */
export function createSweeper(
  app: Pick<Application, "sweep" | "sweepUrgent">,
  log: Logger,
): () => void {
  const sweep = oneAtATime(() => app.sweep?.(), log);
  const sweepUrgent = oneAtATime(() => app.sweepUrgent?.(), log);
  return function tick() {
    if (!sweep()) sweepUrgent();
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
