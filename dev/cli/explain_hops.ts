import { readStatus, readText } from "./explain_facts.ts";
import { type Ansi, createAnsi, cut, maxWidth, showDuration, showTime } from "../terminal/text.ts";
import { showLogLine } from "../terminal/log_line.ts";
import type { EventTrail, LogLine, RequestDetail, Span } from "../collector/mod.ts";
import { type EventStep, toEventSteps } from "../page/logic/event_steps.ts";

/** A span that is shown, with what happened within it. */
interface Hop {
  readonly span: Span;
  readonly hops: readonly Hop[];
  readonly lines: readonly LogLine[];
}

const nameWidth = 46;
const maxCalls = 8;
const plain = createAnsi(false);

/** Every hop of a trace as a tree, each with its warnings and errors. */
export function formatHops({ spans, logs }: RequestDetail, ansi: Ansi): string[] {
  const trouble = logs.filter(({ level }) => level === "warn" || level === "error");
  const shown = spans.filter(isReported);
  const owners = new Map(trouble.map((line) => [line, findOwner(line, shown)]));
  const parents = new Map(shown.map((span) => [span, findParent(span, spans, shown)]));
  const grow = (parent: Span | undefined): Hop[] =>
    shown.filter((span) => parents.get(span) === parent).map((span) => ({
      span,
      hops: grow(span),
      lines: trouble.filter((line) => owners.get(line) === span),
    }));
  const unowned = trouble.filter((line) => owners.get(line) === undefined);
  return [
    ...grow(undefined).flatMap((hop) => formatHop(hop, 1, ansi)),
    ...unowned.map((line) => formatLine(line, 1, ansi)),
  ];
}

/** The gateway's steps are in its story, and a call that was served is shown by its server span. */
function isReported(span: Span, _at: number, spans: readonly Span[]): boolean {
  if (span.kind === "server" || "db.system.name" in span.attributes) {
    return span.attributes["edgepass.step"] === undefined;
  }
  if (span.kind !== "client") return span.attributes["edgepass.step"] === undefined;
  return !spans.some(({ kind, parentId }) => kind === "server" && parentId === span.spanId);
}

/** The nearest span above that is shown. */
function findParent(span: Span, spans: readonly Span[], shown: readonly Span[]): Span | undefined {
  // A malformed export may make a circle.
  for (let above = span, left = spans.length; left > 0; left--) {
    const parent = spans.find(({ spanId }) => spanId === above.parentId);
    if (!parent || parent === span) return undefined;
    if (shown.includes(parent)) return parent;
    above = parent;
  }
  return undefined;
}

/** The span that a line names, or the one in which its service was serving when it was written. */
function findOwner(line: LogLine, shown: readonly Span[]): Span | undefined {
  const named = shown.find(({ spanId }) => spanId === line.spanId);
  return named ??
    shown.findLast(({ kind, service, start }) =>
      kind === "server" && service === line.service && start <= line.time + 1
    );
}

function formatHop({ span, hops, lines }: Hop, depth: number, ansi: Ansi): string[] {
  const calls = hops.filter(({ span: { attributes } }) => "db.system.name" in attributes);
  const hidden = new Set(calls.slice(maxCalls));
  const more = hidden.size === 0
    ? []
    : [ansi("dim", `${indent(depth + 1)}and ${hidden.size} more database calls`)];
  return [
    formatSpan(span, depth, ansi),
    ...lines.map((line) => formatLine(line, depth + 1, ansi)),
    ...hops.filter((hop) => !hidden.has(hop)).flatMap((hop) => formatHop(hop, depth + 1, ansi)),
    ...more,
  ];
}

function formatSpan(span: Span, depth: number, ansi: Ansi): string {
  const status = readStatus(span);
  const name = cut(indent(depth) + nameSpan(span), nameWidth).padEnd(nameWidth);
  const took = showDuration(span.durationMs).padStart(10);
  const head = `${name} ${String(status ?? "").padStart(3)} ${took}`;
  const notes = cut(noteSpan(span), maxWidth - head.length - 2);
  const line = notes === "" ? head : `${head}  ${notes}`;
  return span.status === "error" || (status ?? 0) >= 500 ? ansi("red", line) : line;
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

/** One log line under its span, as dev shows it; warnings and errors are marked. */
export function formatLine(line: LogLine, depth: number, ansi: Ansi): string {
  const { time, level, service, message, fields } = line;
  const isTrouble = level === "warn" || level === "error";
  const at = new Date(time).toISOString();
  const words = showLogLine({ time: at, level, service, message, fields }, plain);
  const text = cut(`${indent(depth)}${isTrouble ? "!" : "-"} ${words}`, maxWidth);
  return isTrouble ? ansi(level === "error" ? "red" : "yellow", text) : text;
}

function indent(depth: number): string {
  return "  ".repeat(Math.min(depth, 12));
}

const colors = { done: "green", waits: "yellow", bad: "red" } as const;
const marks = { done: "+", waits: "…", bad: "x" } as const;

/** What became of the events that a request caused, each from its outbox to its consumers. */
export function formatEvents(events: readonly EventTrail[], ansi: Ansi): string[] {
  return events.flatMap((event) => [
    cut(`  ${event.type}  ${event.subject}  (${event.id})`, maxWidth),
    ...toEventSteps(event).map((step) => formatStep(step, ansi)),
  ]);
}

function formatStep({ time, text, kind }: EventStep, ansi: Ansi): string {
  const at = (time === null ? "now" : showTime(time)).padEnd(12);
  return `    ${ansi(colors[kind], marks[kind])} ${cut(`${at}  ${text}`, maxWidth - 6)}`;
}
