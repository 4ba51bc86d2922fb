/**
 * Whether a trace belongs to the share `ratio` (0 to 1) of all traces.
 *
 * The low 56 bits of the trace id are its randomness (W3C Trace Context Level 2, §3.2.2.5), and a
 * trace is sampled when they reach `(1 - ratio) * 2^56`, as in OpenTelemetry's consistent
 * probability sampling: every program decides alike, and a greater ratio includes all traces of a
 * smaller one.
 */
export function isSampled(traceId: string, ratio: number): boolean {
  if (ratio >= 1) return true;
  // The greatest ids round up to 2^56, which would reach even the threshold of ratio 0.
  if (!(ratio > 0)) return false;
  return Number.parseInt(traceId.slice(-14), 16) / 2 ** 56 >= 1 - ratio;
}
