/** The counts that must be zero. */
export const lines = ["lost", "applied twice", "out of order", "orphans"] as const;
export type Line = typeof lines[number];

/** The errors found, each one once. */
export interface Findings {
  add(line: Line, what: string): void;
  /** The findings of a line. */
  of(line: Line): readonly string[];
}

/** Creates an empty list of findings. */
export function createFindings(): Findings {
  const found = new Map<Line, Set<string>>(lines.map((line) => [line, new Set()]));
  return {
    add: (line, what) => void found.get(line)?.add(what),
    of: (line) => [...found.get(line) ?? []],
  };
}
