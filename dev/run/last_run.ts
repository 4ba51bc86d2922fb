import { stripVTControlCharacters } from "node:util";
import { readLogLine, showLogLine } from "../terminal/log_line.ts";
import { describeEnd, type Exit, type InFlightRequest } from "../collector/mod.ts";
import { type Ansi, createAnsi } from "../terminal/text.ts";

const maxWidth = 78;
const maxRequests = 5;
const plain = createAnsi(false);

/**
 * Describes in a few lines why the run before ended: which process, how and when, its last lines,
 * and the requests it was serving.
 */
export function describeLastRun(exits: readonly Exit[], ansi: Ansi): string[] {
  return exits.slice(-3).flatMap((exit) => [
    ansi("yellow", cut(`The last run: ${describeExit(exit)}`)),
    ...exit.lastLines.filter(mayExplain).map((line) => ansi("dim", cut(`  ${show(line)}`))),
    ...exit.inFlight.slice(0, maxRequests).map((request) => cut(`  ${describeRequest(request)}`)),
    ...(exit.inFlight.length > maxRequests
      ? [`  and ${exit.inFlight.length - maxRequests} more requests under way`]
      : []),
  ]);
}

function describeExit(exit: Exit): string {
  const at = new Date(exit.time).toLocaleString("sv-SE");
  // No exit was observed: a kill, a closed terminal, and a machine that went off look alike.
  if (exit.code === null && exit.signal === null) {
    return `${exit.name} itself was killed, at about ${at}`;
  }
  return `${exit.name} ${describeEnd(exit)} at ${at}`;
}

function describeRequest({ traceId, method, path, sinceMs }: InFlightRequest): string {
  const since = sinceMs < 1000 ? `${sinceMs} ms` : `${(sinceMs / 1000).toFixed(1)} s`;
  const trace = traceId === null ? "" : ` #${traceId.slice(0, 8)}`;
  return `under way for ${since}: ${method} ${path}${trace}`;
}

/** A line about a success does not explain why the process ended. */
function mayExplain(line: string): boolean {
  const level = readLogLine(line)?.level;
  return line.trim() !== "" && level !== "info" && level !== "debug";
}

function show(line: string): string {
  const read = readLogLine(line);
  return read ? showLogLine(read, plain) : stripVTControlCharacters(line);
}

function cut(line: string): string {
  return line.length > maxWidth ? `${line.slice(0, maxWidth - 1)}…` : line;
}
