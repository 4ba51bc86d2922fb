/** The points at which a service can be killed, in the order in which a change passes them. */
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

/** Whether a text names a point. */
export function isPoint(text: string): text is Point {
  return (points as readonly string[]).includes(text);
}

/** The path at which a service under test receives its next kill point. */
export const armPath = "/chaos/arm";

/** The last line that a killed process writes. */
export const lastWords = "chaos: killed ";
