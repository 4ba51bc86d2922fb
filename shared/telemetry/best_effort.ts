/**
 * Runs a part of telemetry whose failure must not fail the request it reports on.
 *
 * Spans may belong to another provider, and sinks to the deployment: one that throws while a
 * response is ready would turn every request into a 500.
 */
export function bestEffort<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch {
    // A report of the failure would take the path that has just failed.
    return undefined;
  }
}
