import { parseJson } from "@edgepass/shared/crypto";
import type { Ansi } from "./text.ts";

/** A line of a process, if it is one of our log lines. */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly service: string;
  readonly message: string;
  readonly traceId?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Reads a log line; undefined for anything else that programs print. */
export function readLogLine(text: string): LogLine | undefined {
  if (!text.startsWith("{")) return undefined;
  const value = parse(text);
  if (!value) return undefined;
  const { time, level, service, message, traceId, ...fields } = value;
  const isOurs = [time, level, service, message].every((member) => typeof member === "string");
  if (!isOurs) return undefined;
  const trace = typeof traceId === "string" ? { traceId } : {};
  return {
    time: String(time),
    level: String(level),
    service: String(service),
    message: String(message),
    ...trace,
    fields,
  };
}

function parse(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const levelColours = { debug: "dim", info: "green", warn: "yellow", error: "red" } as const;

/** Shown without their names, in this order, right behind the message. */
const plainFields = ["method", "path", "status"] as const;

/** Fields that repeat another one, or that do not help at a terminal. */
const hiddenFields: ReadonlySet<string> = new Set([
  ...plainFields,
  "about",
  "route",
  "issuer",
  "durationMs",
  "spanId",
]);

const nameWidth = 14;
const maxValueLength = 120;

/** UUIDs of the same minute differ only at their ends. */
const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{4}([0-9a-f]{8})/g;

/** One log line for a terminal: time, service, level, message, fields, the trace's first digits. */
export function showLogLine(line: LogLine, ansi: Ansi): string {
  const level = line.level.toUpperCase().padEnd(5);
  const colour = Object.entries(levelColours).find(([name]) => name === line.level)?.[1];
  const head = [
    ansi("dim", timeOf(line.time)),
    showName(line.service, ansi),
    colour ? ansi(colour, level) : level,
    line.message,
  ];
  return [...head, ...showFields(line, ansi)].join(" ");
}

/** A line that is no log line, with the name of the process that printed it in front. */
export function showRawLine(text: string, name: string, ansi: Ansi): string {
  return `${ansi("dim", " ".repeat(12))} ${showName(name, ansi)} ${text}`;
}

function showName(name: string, ansi: Ansi): string {
  return ansi("cyan", name.padEnd(nameWidth));
}

function showFields({ fields, traceId }: LogLine, ansi: Ansi): string[] {
  const plain = plainFields.flatMap((name) => fields[name] === undefined ? [] : show(fields[name]));
  const duration = typeof fields.durationMs === "number" ? [`${fields.durationMs} ms`] : [];
  const named = Object.entries(fields)
    .filter(([name, value]) => !hiddenFields.has(name) && value !== undefined)
    .map(([name, value]) => ansi("dim", `${name}=${show(value).replace(uuid, "…$2")}`));
  const trace = traceId === undefined ? [] : [ansi("dim", `#${traceId.slice(0, 8)}`)];
  return [...plain, ...duration, ...named, ...trace];
}

function show(value: unknown): string {
  const text = typeof value === "string" ? value : toReason(value) ?? JSON.stringify(value) ?? "";
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength - 1)}…` : text;
}

/** An error's message and its cause; the file has the rest. */
export function toReason(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("message" in value)) return undefined;
  if (typeof value.message !== "string") return undefined;
  const cause = "cause" in value ? toReason(value.cause) : undefined;
  return cause === undefined ? value.message : `${value.message}: ${cause}`;
}

/** The local time of day; files have the full timestamp, in UTC. */
function timeOf(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const two = (part: number) => String(part).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
