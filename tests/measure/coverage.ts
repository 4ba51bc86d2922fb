import type { Profiler } from "node:inspector/promises";

/** Project files that were executed, and how many of their functions were. */
export type Executed = ReadonlyMap<string, number>;

/** The files of platform and product in a coverage, with the number of functions called. */
export function readCoverage(scripts: readonly Profiler.ScriptCoverage[], root: string): Executed {
  const executed = new Map<string, number>();
  for (const { url, functions } of scripts) {
    const path = url.replace(`file://${root}`, "");
    if (!/^(app|control|gateway|services|shared)\//.test(path)) continue;
    const called = functions.filter(({ ranges: [whole] }) =>
      whole !== undefined && whole.count > 0
    );
    if (called.length > 0) executed.set(path, called.length);
  }
  return executed;
}
