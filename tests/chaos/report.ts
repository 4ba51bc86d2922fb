import type { Drained } from "./drain.ts";
import { type Findings, lines } from "./findings.ts";
import type { Death } from "./member.ts";
import { points } from "./points.ts";

/** The result of a run. */
export interface Report {
  readonly findings: Findings;
  readonly deaths: readonly Death[];
  readonly drained: Drained;
  /** Further notes, one line each. */
  readonly notes: readonly string[];
}

/** How often processes died: at each point, and from outside by name. */
export function countDeaths(deaths: readonly Death[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>(points.map((point) => [point, 0]));
  for (const { at, name } of deaths) {
    const where = at === "anywhere" ? `anywhere in ${name}` : at;
    counts.set(where, (counts.get(where) ?? 0) + 1);
  }
  return counts;
}

/** Whether the run has no error. */
export function isClean({ findings, drained, deaths }: Report): boolean {
  const { waiting, messages, deadLetters } = drained;
  return lines.every((line) => findings.of(line).length === 0) &&
    waiting + messages + deadLetters === 0 && deaths.every(({ at }) => at !== "by itself");
}

/** Number of examples shown per error. */
const shown = 10;

/** The output of the command; its last lines are the result. */
export function toText(report: Report): string {
  const { findings, deaths, drained, notes } = report;
  const examples = lines.flatMap((line) =>
    findings.of(line).slice(0, shown).map((what) => `${line}: ${what}`)
  );
  const unforeseen = deaths.filter(({ at }) => at === "by itself")
    .map(({ name, lastLines }) => `${name} ended by itself: ${lastLines.join(" / ")}`);
  const kills = [...countDeaths(deaths)].map(([where, count]) => `${where} ${count}`);
  const { waiting, messages, deadLetters, seconds } = drained;
  const rest = waiting + messages + deadLetters;
  return [
    ...notes,
    ...examples,
    ...unforeseen,
    ...lines.map((line) => `${line}: ${findings.of(line).length}`),
    `kills: ${deaths.length} (${kills.join(", ")})`,
    rest === 0
      ? `drained in: ${seconds.toFixed(1)} s`
      : `drained in: not within ${seconds.toFixed(1)} s; ${waiting} events wait, ` +
        `${messages} messages are undelivered, ${deadLetters} are dead letters`,
  ].join("\n");
}
