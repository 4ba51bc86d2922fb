import type { Exit } from "./api.ts";

/** Describes in a few words how a process ended. */
export function describeEnd({ code, signal }: Pick<Exit, "code" | "signal">): string {
  if (signal !== null) return `ended by ${signal}`;
  return code === null ? "ended without a word" : `ended with code ${code}`;
}
