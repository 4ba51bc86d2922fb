import { readStatus, readText } from "./explain_facts.ts";
import { cut, maxWidth, showDuration } from "./explain_text.ts";
import { showLogLine } from "./log_view.ts";
import type { LogLine, RequestDetail, Span } from "./observe/mod.ts";
import { createPaint, type Paint } from "./paint.ts";

/** A span that is told, with what happened within it. */
interface Hop {
  readonly span: Span;
  readonly hops: readonly Hop[];
  readonly lines: readonly LogLine[];
}

const nameWidth = 46;
const maxCalls = 8;
const plain = createPaint(false);

/** Every hop of a trace as a tree, and beside each what was logged as a warning or an error. */
export function tellHops({ spans, logs }: RequestDetail, paint: Paint): string[] {
  const trouble = logs.filter(({ level }) => level === "warn" || level === "error");
  const told = spans.filter(isTold);
  const owners = new Map(trouble.map((line) => [line, findOwner(line, told)]));
  const parents = new Map(told.map((span) => [span, findParent(span, spans, told)]));
  const grow = (parent: Span | undefined): Hop[] =>
    told.filter((span) => parents.get(span) === parent).map((span) => ({
      span,
      hops: grow(span),
      lines: trouble.filter((line) => owners.get(line) === span),
    }));
  const homeless = trouble.filter((line) => owners.get(line) === undefined);
  return [
    ...grow(undefined).flatMap((hop) => tellHop(hop, 1, paint)),
    ...homeless.map((line) => tellLine(line, 1, paint)),
  ];
}

/** The gateway's steps are in its story, and a call that was served is told by who served it. */
function isTold(span: Span, _at: number, spans: readonly Span[]): boolean {
  if (span.kind === "server" || "db.system.name" in span.attributes) {
    return span.attributes["edgepass.step"] === undefined;
  }
  if (span.kind !== "client") return span.attributes["edgepass.step"] === undefined;
  return !spans.some(({ kind, parentId }) => kind === "server" && parentId === span.spanId);
}

/** The nearest span above that is told. */
function findParent(
  span: Span,
  spans: readonly Span[],
  told: readonly Span[],
): Span | undefined {
  // A malformed export may make a circle.
  for (let above = span, left = spans.length; left > 0; left--) {
    const parent = spans.find(({ spanId }) => spanId === above.parentId);
    if (!parent || parent === span) return undefined;
    if (told.includes(parent)) return parent;
    above = parent;
  }
  return undefined;
}

/** The span a line names, or the one in which its service was serving when it was written. */
function findOwner(line: LogLine, told: readonly Span[]): Span | undefined {
  const named = told.find(({ spanId }) => spanId === line.spanId);
  return named ??
    told.findLast(({ kind, service, start }) =>
      kind === "server" && service === line.service && start <= line.time + 1
    );
}

function tellHop({ span, hops, lines }: Hop, depth: number, paint: Paint): string[] {
  const calls = hops.filter(({ span: { attributes } }) => "db.system.name" in attributes);
  const hidden = new Set(calls.slice(maxCalls));
  const more = hidden.size === 0
    ? []
    : [paint("dim", `${indent(depth + 1)}and ${hidden.size} more database calls`)];
  return [
    tellSpan(span, depth, paint),
    ...lines.map((line) => tellLine(line, depth + 1, paint)),
    ...hops.filter((hop) => !hidden.has(hop)).flatMap((hop) => tellHop(hop, depth + 1, paint)),
    ...more,
  ];
}

function tellSpan(span: Span, depth: number, paint: Paint): string {
  const status = readStatus(span);
  const name = cut(indent(depth) + nameSpan(span), nameWidth).padEnd(nameWidth);
  const took = showDuration(span.durationMs).padStart(10);
  const head = `${name} ${String(status ?? "").padStart(3)} ${took}`;
  const notes = cut(noteSpan(span), maxWidth - head.length - 2);
  const line = notes === "" ? head : `${head}  ${notes}`;
  return span.status === "error" || (status ?? 0) >= 500 ? paint("red", line) : line;
}

function nameSpan(span: Span): string {
  const { kind, service, name, attributes } = span;
  if (kind === "server") return `${service}  ${name}`;
  const database = readText(span, "db.system.name");
  if (database !== undefined) return `${database} ${readText(span, "db.operation.name") ?? name}`;
  const peer = attributes["edgepass.peer"];
  return typeof peer === "string" ? `${name} to ${peer}` : name;
}

function noteSpan(span: Span): string {
  const { attributes } = span;
  const statements = attributes["edgepass.db.statements"];
  const failure = readText(span, "error.type");
  const verdict = readText(span, "edgepass.passport.verdict");
  return [
    ...(verdict === undefined ? [] : [`Passport ${verdict}`]),
    ...(typeof statements === "number"
      ? [`${statements} statement${statements === 1 ? "" : "s"}`]
      : []),
    ...(failure === undefined ? [] : [failure]),
    ...span.events.map(({ name }) => name),
  ].join(", ");
}

/** One line of the log under its span, as dev shows it; trouble is marked. */
export function tellLine(line: LogLine, depth: number, paint: Paint): string {
  const { time, level, service, message, fields } = line;
  const isTrouble = level === "warn" || level === "error";
  const at = new Date(time).toISOString();
  const words = showLogLine({ time: at, level, service, message, fields }, plain);
  const text = cut(`${indent(depth)}${isTrouble ? "!" : "-"} ${words}`, maxWidth);
  return isTrouble ? paint(level === "error" ? "red" : "yellow", text) : text;
}

function indent(depth: number): string {
  return "  ".repeat(Math.min(depth, 12));
}
