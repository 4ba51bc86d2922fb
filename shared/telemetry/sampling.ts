/**
 * Whether a trace belongs to the share `ratio` (0 to 1) of all traces.
 *
 * The low 56 bits of the trace id are its randomness (W3C Trace Context Level 2, §3.2.2.5), and a
 * trace is kept when they reach `(1 - ratio) * 2^56`, as OpenTelemetry's consistent probability
 * sampling has it: everybody decides alike, and a greater ratio keeps all that a smaller one keeps.
 */
export function isSampled(traceId: string, ratio: number): boolean {
  if (ratio >= 1) return true;
  // The greatest ids round up to 2^56, which would reach even the threshold of nothing.
  if (!(ratio > 0)) return false;
  return Number.parseInt(traceId.slice(-14), 16) / 2 ** 56 >= 1 - ratio;
}
