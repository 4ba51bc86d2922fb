/**
 * Runs a part of telemetry whose failure must not fail the request it reports on.
 *
 * Spans may be a foreign provider's, and sinks anybody's: one that throws while a response is ready
 * would turn every request into a 500.
 */
export function bestEffort<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch {
    // Reporting the failure would go the way that has just failed.
    return undefined;
  }
}
