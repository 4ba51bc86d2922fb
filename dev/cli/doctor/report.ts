import type { Ansi } from "../../terminal/ansi.ts";
import type { Reported } from "./checks.ts";

const colours = { ok: "green", warn: "yellow", fail: "red" } as const;
const nameWidth = 15;

/** One line per finding, and one with the counts. */
export function toText(findings: readonly Reported[], ansi: Ansi): string {
  const lines = findings.map((finding) => toLine(finding, ansi));
  const count = (state: Reported["state"]) =>
    `${findings.filter((finding) => finding.state === state).length} ${state}`;
  return [...lines, "", `${count("ok")}, ${count("warn")}, ${count("fail")}`].join("\n");
}

/** The findings for programs. */
export function toJson(findings: readonly Reported[]): string {
  return JSON.stringify({ ok: !hasFailure(findings), findings: findings.map(onWire) }, null, 2);
}

/** Programs that were written for 0.1.0 read a finding's fix under its old name. */
function onWire(finding: Reported) {
  if (finding.state === "ok") return finding;
  const { fix: mend, ...rest } = finding;
  return { ...rest, mend };
}

/** Whether something does not work. */
export function hasFailure(findings: readonly Reported[]): boolean {
  return findings.some(({ state }) => state === "fail");
}

function toLine(finding: Reported, ansi: Ansi): string {
  const { check, state, what } = finding;
  const fix = finding.state === "ok" ? "" : `${ansi("dim", " → ")}${finding.fix}`;
  const start = `${ansi(colours[state], state.padEnd(4))}  ${check.padEnd(nameWidth)}`;
  return `${start}${onOneLine(what)}${onOneLine(fix)}`;
}

/** A path may hold a line break; the report has one line per finding all the same. */
function onOneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- colours begin with ESC, which stays
  return text.replace(/[\x00-\x1a\x1c-\x1f\x7f]+/g, " ");
}
