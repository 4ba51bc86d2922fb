import { createTraceState } from "@opentelemetry/api";

/**
 * Reads a `tracestate` header (W3C Trace Context §3.3), or returns undefined.
 *
 * A malformed header is dropped as a whole: at most 32 members of well-formed keys and values, no
 * key twice, at most 512 characters.
 */
export function readTracestate(header: string | null | undefined): string | undefined {
  if (!header || header.length > 512) return undefined;
  const members = header.split(",").map((member) => member.trim()).filter(Boolean);
  if (members.length === 0 || members.length > 32) return undefined;
  const state = createTraceState(members.join(",")).serialize();
  return state !== "" && state.split(",").length === members.length ? state : undefined;
}
