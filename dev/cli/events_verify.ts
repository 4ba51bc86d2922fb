import { exitWith, type Outcome } from "../terminal/outcome.ts";
import { readArguments } from "@edgepass/shared/runtime/deno";
import {
  type CallEvents,
  type Finding,
  kinds,
  type Pause,
  repair,
  settle,
  wrongSubjects,
} from "./events_verify_rounds.ts";
import { clean } from "../terminal/text.ts";
import { asAdministrator, findSystem, retryWhileAway } from "../system/system.ts";

const usage = "Usage: deno task events:verify [--repair]";

/** One repair may reveal the next difference: a missing subject has nothing else to compare. */
const maxRepairs = 3;

/** Compares each projection with its source, and makes the source publish differences again. */
export async function verifyEvents(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  pause: Pause,
): Promise<Outcome> {
  const repairs = args.length === 1 && args[0] === "--repair";
  if (args.length > 0 && !repairs) return { text: usage, code: 2 };
  try {
    return await retryWhileAway(
      pause,
      () =>
        asAdministrator(findSystem(variables), async (call) =>
          await reconcile(
            (method, service, path, body) =>
              retryWhileAway(
                pause,
                () => call(method, `/admin/events/${service}${path}`, body),
              ),
            { repairs, pause },
          )),
    );
  } catch (error) {
    return { text: clean(error instanceof Error ? error.message : "unknown reason"), code: 1 };
  }
}

/** Compares, and repairs where that is requested, until all match or no repair helps. */
export async function reconcile(
  call: CallEvents,
  { repairs, pause }: { readonly repairs: boolean; readonly pause: Pause },
): Promise<Outcome> {
  let findings = await settle(call, pause);
  const lines = formatFindings(findings);
  for (let round = 0; repairs && round < maxRepairs && countWrong(findings) > 0; round++) {
    await repair(call, findings);
    lines.push(`Published again: ${countWrong(findings)}`);
    findings = await settle(call, pause);
    lines.push("", ...formatFindings(findings));
  }
  const wrong = countWrong(findings);
  lines.push(wrong === 0 ? "No differences" : `${wrong} differences`);
  return { text: lines.join("\n"), code: wrong === 0 ? 0 : 1 };
}

function countWrong(findings: readonly Finding[]): number {
  return findings.reduce((sum, finding) => sum + wrongSubjects(finding).length, 0);
}

const maxShown = 5;

/** The API calls projected rows without a source `ghosts`. */
const toWord = (kind: string): string => kind === "ghosts" ? "orphans" : kind;

/** A table of the pairs, and the first subjects of each kind of difference. */
function formatFindings(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ source, consumer, facet, ...found }) => [
    `${source} → ${consumer}`,
    facet,
    String(found.compared),
    ...kinds.map((kind) => String(found[kind].length)),
  ]);
  const head = ["source → consumer", "facet", "compared", ...kinds.map(toWord)];
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0))
  );
  const toLine = (cells: readonly string[]) =>
    cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ").trimEnd();
  return [toLine(head), ...rows.map(toLine), ...findings.flatMap(formatSubjects)];
}

function formatSubjects(finding: Finding): string[] {
  const { source, consumer, facet } = finding;
  return kinds.flatMap((kind) => {
    const subjects = finding[kind];
    if (subjects.length === 0) return [];
    const more = subjects.length > maxShown ? ` and ${subjects.length - maxShown} more` : "";
    const shown = subjects.slice(0, maxShown).map(clean).join(", ");
    return [`${source} → ${consumer}, ${facet}, ${toWord(kind)}: ${shown}${more}`];
  });
}

if (import.meta.main) {
  readArguments({ usage });
  const pause: Pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  exitWith(await verifyEvents(Deno.args, Deno.env.toObject(), pause));
}
