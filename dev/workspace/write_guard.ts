/**
 * Guards writes that the system can do without for a while: to a full disk, to a read-only folder.
 */
export interface WriteGuard {
  /** Writes; where that fails, only this write is lost. */
  attempt(write: () => void): void;
}

export interface WriteGuardOptions {
  /** What is written, as the subject of a sentence. */
  readonly what: string;
  /** Called once when writes begin to fail and once when they succeed again; may write itself. */
  readonly report: (message: string) => void;
  /** Milliseconds of a monotonic clock. */
  readonly elapsed?: () => number;
}

/**
 * A nearly full disk takes a short line and refuses the next: only this long without failures
 * counts as recovered.
 */
const settledMs = 10_000;

/**
 * Makes a guard. Uncaught, the first line that a full disk does not take would end dev and with it
 * every service.
 */
export function createWriteGuard(
  { what, report, elapsed = () => performance.now() }: WriteGuardOptions,
): WriteGuard {
  let lost = 0;
  let failedAt = 0;
  return {
    attempt(write) {
      try {
        write();
      } catch (error) {
        failedAt = elapsed();
        // Counted first: the report may come back here by the same file.
        if (lost++ > 0) return;
        report(`${what} cannot be written (${reasonOf(error)}); further writes are lost`);
        return;
      }
      if (lost === 0 || elapsed() - failedAt < settledMs) return;
      const count = lost;
      lost = 0;
      report(
        `${what} can be written again; ${count} ${count === 1 ? "write was" : "writes were"} lost`,
      );
    },
  };
}

/** `ENOSPC` and the like where the system gives a code: it is short and documented. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
