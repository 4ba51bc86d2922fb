import { settingNames } from "../../workspace/settings.ts";
import { type Finding, ok, warn } from "./finding.ts";
import type { DoctorContext } from "./context.ts";

/** Names that programs read and that dev does not set. */
const otherNames = ["HOST", "DRAIN_DELAY_MS"];

/** Standard OpenTelemetry names that no program here reads and that resemble ones that are read. */
const neighbours = new Set(["OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BLRP_MAX_QUEUE_SIZE"]);

/** Shorter names are words that any program may use, and each resembles many others. */
const minLength = 6;
/** Longer names may differ in two letters and still be meant. */
const longLength = 12;

const knownNames: readonly string[] = [...settingNames, ...otherNames];

/** No variable looks like a misspelt setting of ours: no program would ever read it. */
export function checkNames({ variables }: DoctorContext): Finding[] {
  const findings = Object.keys(variables).filter(isUnknown).flatMap((name): Finding[] => {
    const meant = findMeant(name);
    if (meant !== undefined) {
      return [warn(`nothing reads ${name}`, `unset ${name} and set ${meant}, if that is meant`)];
    }
    if (!name.startsWith("EDGEPASS_")) return [];
    return [warn(`nothing reads ${name}`, `unset ${name}; docs/deploy.md lists the settings`)];
  });
  return findings.length > 0 ? findings : [ok("no variable looks like a misspelt setting")];
}

function isUnknown(name: string): boolean {
  return !knownNames.includes(name) && !neighbours.has(name);
}

/** The setting that a name most resembles, if it resembles one at all. */
function findMeant(name: string): string | undefined {
  const upper = name.toUpperCase().replaceAll("-", "_");
  if (upper.length < minLength) return undefined;
  const limit = upper.length < longLength ? 1 : 2;
  const near = knownNames.filter(({ length }) => length >= minLength)
    .map((candidate) => ({ candidate, distance: distanceBetween(upper, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= limit ? near.candidate : undefined;
}

/**
 * Letters to insert, delete, change or swap with their neighbour until one text is the other
 * (Damerau and Levenshtein, each place changed once).
 */
function distanceBetween(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, at) => at)];
  const cell = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwap = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row.push(Math.min(
        cell(i - 1, j) + 1,
        cell(i, j - 1) + 1,
        cell(i - 1, j - 1) + (isSame ? 0 : 1),
        isSwap ? cell(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      ));
    }
  }
  return cell(from.length, to.length);
}
