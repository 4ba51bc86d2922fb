/** Where a service can be killed by itself, in the order in which a change passes them. */
export const points = [
  "before commit",
  "after commit",
  "before publish",
  "mid publish",
  "after publish",
  "after mark",
  "before effect",
  "after effect",
  "before ack",
] as const;
export type Point = typeof points[number];

/** Tells whether a text names a point. */
export function isPoint(text: string): text is Point {
  return (points as readonly string[]).includes(text);
}

/** Where a service under chaos is told the point at which it has to die. */
export const armPath = "/chaos/arm";

/** What a process writes as its last line. */
export const lastWords = "chaos: killed ";
