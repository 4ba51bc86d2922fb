/** What must be zero. */
export const lines = ["lost", "applied twice", "out of order", "ghosts"] as const;
export type Line = typeof lines[number];

/** What is wrong, each thing once. */
export interface Findings {
  add(line: Line, what: string): void;
  /** What was found for a line. */
  of(line: Line): readonly string[];
}

/** Makes a list of findings. */
export function createFindings(): Findings {
  const found = new Map<Line, Set<string>>(lines.map((line) => [line, new Set()]));
  return {
    add: (line, what) => void found.get(line)?.add(what),
    of: (line) => [...found.get(line) ?? []],
  };
}
