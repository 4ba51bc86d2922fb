import type { Samples } from "./dashboard_samples.ts";

/** A name as long as teams give them, and one without a place for a line break. */
const longNames = {
  enrollment: "enrollment-and-waiting-list-of-the-whole-organisation",
  course: "coursecataloguesearchandpersonalisationinallregions",
  // The reason of a refused token.
  '"expired"': '"claim_missing:https://accounts.example.test/claims/organisation/identifier"',
} as const;

/** The same samples with long service names, wherever the names occur. */
export function withLongNames({ traces, ...samples }: Samples): Samples {
  const rename = <Value>(value: Value): Value => {
    const text = Object.entries(longNames).reduce(
      (json, [short, long]) => json.replaceAll(short, long),
      JSON.stringify(value),
    );
    return JSON.parse(text);
  };
  return {
    ...rename(samples),
    traces: new Map([...traces].map(([id, trace]) => [id, rename(trace)])),
  };
}
