import * as z from "zod/mini";
import { setting } from "./composition/settings.ts";
import type { Secret } from "./crypto/secrets.ts";

const levels = { debug: 10, info: 20, warn: 30, error: 40 } as const;

/** The severity of a line. */
export type LogLevel = keyof typeof levels;
/** Every level, least severe first. */
export const logLevels = Object.keys(levels) as readonly LogLevel[];

/** Types that a log line may show; requests, headers, keys and whole records are not among them. */
export type Loggable =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | Date
  | Error
  | URL
  | readonly Loggable[]
  | { readonly [name: string]: Loggable };

/** The fields of a line, limited to loggable types; `cause` is any thrown value. */
export type LogFields<Fields> = {
  readonly [Name in keyof Fields]: Name extends "cause" ? unknown
    : Fields[Name] extends Secret ? never
    : Fields[Name] extends Loggable ? Fields[Name]
    : never;
};

/** Writes one line; fields of other types do not compile. */
export type WriteLine = <const Fields extends object>(
  message: string,
  fields?: Fields & LogFields<Fields>,
) => void;

/** Takes one finished line, without its newline. */
export type LogSink = (line: string) => void;

/** Writes log lines; no field and no sink can make it throw. */
export interface Logger {
  /** For debugging. */
  readonly debug: WriteLine;
  /** A normal event. */
  readonly info: WriteLine;
  /** A condition that an operator should check. */
  readonly warn: WriteLine;
  /** A failure. */
  readonly error: WriteLine;
}

/** The ids of the request that a line belongs to. */
export interface LoggedTrace {
  /** Of its trace. */
  readonly traceId: string;
  /** Of the span that serves it here. */
  readonly spanId: string;
}

/** The name and the output of a logger. */
export interface LoggerOptions {
  /** The name in every line. */
  readonly service: string;
  /** Takes the lines; standard output by default. */
  readonly sink?: LogSink;
  /** Lines below it are not written; `info` by default. A function is called for each line. */
  readonly level?: LogLevel | (() => LogLevel);
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/**
 * A logger that writes one JSON object a line: `time`, `level`, `service`, `traceId` and `spanId`
 * of the trace that `currentTrace` returns, `message`, then the fields, none of which can override
 * these.
 *
 * Values that must not be logged do not compile ({@link LogFields}). A second check runs at
 * runtime: fields with sensitive names are not written, and texts that look like a token (40
 * characters of base64url or more), a cookie or an e-mail address are masked everywhere. Log a
 * `jti` or `txn` instead. No field can make it throw.
 */
export function createLineLogger(
  { service, sink = console.log, level = "info", now = Date.now }: LoggerOptions,
  currentTrace: () => LoggedTrace | undefined = () => undefined,
): Logger {
  const write = (at: LogLevel, message: string, fields: object = {}): void => {
    if (levels[at] < levels[typeof level === "function" ? level() : level]) return;
    const trace = currentTrace();
    const own = {
      time: new Date(now()).toISOString(),
      level: at,
      service,
      ...(trace === undefined ? {} : { traceId: trace.traceId, spanId: trace.spanId }),
      message: mask(message),
    };
    try {
      sink(toLine({ ...own, ...redactAll(fields), ...own }));
    } catch {
      // A closed standard output must not fail the requests that would have been written there.
    }
  };
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
  };
}

const secretName =
  /pass(word|phrase|wd)|pwd|secret|token|cookie|authorization|credential|api[-_]?key|private|e[-_]?mail|^x?[-_]?passports?$|passport_?keys?|^(sql|params|jwk)$/i;

// Every pattern starts at a fixed text or at a word boundary, so that each is linear in the text: a
// long field cannot block the isolate.
const masks: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Database and Redis clients quote parameters in their messages.
  [/(params|command was):.*/gis, "$1: [redacted]"],
  [/(cookie["']?\s{0,4}[=:]).*/gi, "$1 [redacted]"],
  [
    /(token|secret|password|passwd|api[-_]?key)(["']?\s{0,4}[=:]\s{0,4}["']?)[^\s"'&;,]+/gi,
    "$1$2[redacted]",
  ],
  [/(Bearer|Basic)\s{1,4}\S+/gi, "$1 [redacted]"],
  [/eyJ[\w-]+(\.[\w-]*)*/g, "[token]"],
  [/\$argon2\S*/g, "[hash]"],
  [/sig_[A-Za-z0-9]{8,}/g, "[redacted]"],
  [/(?<![\w-])[\w-]{40,}/g, "[opaque]"],
  [/(?<![^\s"'<>(),;:=@])[^\s"'<>(),;:=@]*(@|%40)[^\s"'<>(),;:=@]+/gi, "[address]"],
];

/** Words, ids and paths, which no mask can match: no `@`, no scheme, no run of 40 characters. */
const plain = /^(?!.*(?:eyJ|sig_|bearer|basic))(?:user:)?(?:[\w-]{0,39}[/. ])*[\w-]{0,39}$/i;
const plainName = /^[a-zA-Z]{1,20}$/;

/** The text with tokens, cookies and e-mail addresses masked. */
export function mask(text: string): string {
  if (typeof text === "string" && text.length <= 256 && plain.test(text)) return text;
  return masks.reduce((masked, [pattern, to]) => masked.replace(pattern, to), String(text));
}

const maxDepth = 4;
const maxMembers = 100;
const maxValues = 1000;

/** How much of a value is written; `left` is shared by all fields of one line, and ends cycles. */
interface Budget {
  readonly depth: number;
  readonly line: { left: number };
}

function redactAll(fields: object): object {
  const redacted = redactMember({ fields }, "fields", { depth: 0, line: { left: maxValues } });
  return typeof redacted === "object" && redacted !== null ? redacted : { fields: redacted };
}

/** Reads and redacts one member; a getter, a proxy or `toJSON` may throw. */
function redactMember(owner: object, name: string | number, budget: Budget): unknown {
  try {
    return redact(Reflect.get(owner, name), budget);
  } catch {
    return "[unreadable]";
  }
}

function redact(value: unknown, budget: Budget): unknown {
  if (budget.line.left-- <= 0) return "[more]";
  if (typeof value === "string") return mask(value);
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (budget.depth > maxDepth) return "[deep]";
  const inner = { ...budget, depth: budget.depth + 1 };
  if (value instanceof Date) return value.toISOString();
  // A query may hold secrets in forms that no pattern matches.
  if (value instanceof URL) return mask(value.origin + value.pathname);
  if (value instanceof Error) return redactError(value, inner);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return "[bytes]";
  if (Array.isArray(value)) {
    return Array.from(value.slice(0, maxMembers), (_, at) => redactMember(value, at, inner));
  }
  return redactObject(value, inner);
}

function redactObject(value: object, budget: Budget): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(value).slice(0, maxMembers).map((name) => [
      plainName.test(name) ? name : mask(name),
      isSecret(value, name) ? "[redacted]" : redactMember(value, name, budget),
    ]),
  );
}

/** The reason of a token's refusal, whose names come from code and settings alone. */
const openName = "tokenRefusal";

/** Also `ext` of a Passport: what an issuer says of a person, such as an address. */
function isSecret(owner: object, name: string): boolean {
  if (name === "ext") return typeof Reflect.get(owner, name) === "object";
  return name !== openName && secretName.test(name);
}

/** Only these members: a driver's error carries its query and parameters in others. */
function redactError(error: Error, budget: Budget): Record<string, unknown> {
  const members = ["name", "message", "code", "cause"].filter((name) => name in error);
  return Object.fromEntries(members.map((name) => [name, redactMember(error, name, budget)]));
}

const printableAscii = /^[\x20-\x7e]*$/;

/** JSON does not escape some characters that control terminals or end lines for some readers. */
function toLine(line: object): string {
  const json = JSON.stringify(line);
  if (printableAscii.test(json)) return json;
  return json.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The settings of every logger: a variable, and the runtime's line writer where it has one. */
export const logSettings = {
  LOG_LEVEL: setting(z._default(z.enum(logLevels), "info"), {
    meaning: "`debug`, `info`, `warn` or `error`",
  }),
  LOG_SINK: z.optional(z.custom<LogSink>((value) => typeof value === "function")),
};

/** The logger options for the settings. */
export function toLoggerOptions(
  { LOG_LEVEL, LOG_SINK }: { LOG_LEVEL: LogLevel; LOG_SINK?: LogSink | undefined },
): Pick<LoggerOptions, "level" | "sink"> {
  return { level: LOG_LEVEL, ...(LOG_SINK ? { sink: LOG_SINK } : {}) };
}
