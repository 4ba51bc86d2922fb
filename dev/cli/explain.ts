import { exitWith, type Outcome, terminalAnsi } from "../terminal/outcome.ts";
import { readArguments } from "@edgepass/shared/runtime/deno";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import {
  findTraceIds,
  openForReading,
  type OutboxFile,
  readDetail,
  type RequestDetail,
  storeFile,
} from "../collector/mod.ts";
import { type Ansi, clean, maxWidth, showDate, showDuration, wrap } from "../terminal/text.ts";
import { projectRoot } from "../workspace/workspace.ts";
import { formatEvents, formatHops, formatLine } from "./explain_hops.ts";
import { type Facts, readFacts, readStatus } from "./explain_facts.ts";
import { explainCode, formatStory } from "./explain_story.ts";

const usage = "Usage: deno task explain <traceId>, or the beginning of one";
const maxNamed = 4;

/**
 * Explains the trace of an id, or of the beginning of one, from the store of a workspace.
 *
 * It reads only, so it works beside a running dev and without one.
 */
export function explain(args: readonly string[], workspace: string, ansi: Ansi): Outcome {
  const prefix = readPrefix(args);
  if (prefix === undefined) return { text: usage, code: 2 };
  const path = join(workspace, "observe", storeFile);
  try {
    using db = openForReading(path);
    const [traceId, ...others] = findTraceIds(db, prefix, maxNamed + 1);
    const detail = traceId === undefined
      ? undefined
      : readDetail(db, traceId, readOutboxFiles(workspace));
    if (traceId === undefined || !detail) {
      return { text: `No trace begins with ${prefix} in ${path}`, code: 1 };
    }
    if (others.length > 0) {
      const named = [traceId, ...others].slice(0, maxNamed).join(", ");
      return { text: `Several traces begin with ${prefix}: ${named}`, code: 1 };
    }
    return { text: explainTrace(traceId, detail, ansi), code: 0 };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    return { text: `No trace can be read from ${path}: ${reason}`, code: 1 };
  }
}

/** The services' databases, by the settings that dev wrote at its last start. */
function readOutboxFiles(workspace: string): OutboxFile[] {
  const written = join(workspace, "dev.env");
  if (!existsSync(written)) return [];
  return Object.entries(parseEnv(readFileSync(written, "utf8"))).flatMap(([name, value = ""]) => {
    const [, service] = /^([A-Z]+)_DB$/.exec(name) ?? [];
    const [, path] = /^sqlite:(.+)$/.exec(value) ?? [];
    return service && path ? [{ service: service.toLowerCase(), path }] : [];
  });
}

/** A trace id or its beginning, alone or inside of a `traceparent`. */
function readPrefix([given = "", ...more]: readonly string[]): string | undefined {
  const text = given.toLowerCase().replace(/^#/, "");
  const [, inside] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(text) ?? [];
  const prefix = inside ?? text;
  return more.length === 0 && /^[0-9a-f]{4,32}$/.test(prefix) ? prefix : undefined;
}

if (import.meta.main) {
  readArguments({ usage });
  const workspace = resolve(Deno.env.get("EDGEPASS_HOME") || `${projectRoot}.edgepass`);
  exitWith(explain(Deno.args, workspace, terminalAnsi()));
}

/** What happened in a trace and why, for a terminal of 100 columns. */
export function explainTrace(traceId: string, detail: RequestDetail, ansi: Ansi): string {
  const facts = readFacts(cleanAll(detail));
  const title = (text: string) => ["", ansi("bold", text), ""];
  return [
    `${ansi("bold", `Trace ${traceId}`)}${formatTime(facts)}`,
    ...wrap(formatOutcome(facts), maxWidth),
    ...formatKind(facts),
    ...(facts.request ? [...title("Decisions of the gateway"), ...formatStory(facts, ansi)] : []),
    ...(detail.spans.length > 0
      ? [...title("Hops"), ...formatHops(facts.detail, ansi)]
      : formatServed(facts, title, ansi)),
    ...(detail.events.length > 0
      ? [...title("Events"), ...formatEvents(facts.detail.events, ansi)]
      : []),
    "",
  ].join("\n");
}

function formatTime({ request, detail }: Facts): string {
  const time = request?.time ?? detail.spans[0]?.start ?? detail.logs[0]?.time;
  return time === undefined ? "" : `, ${showDate(time)}`;
}

function formatOutcome({ request, refusal, detail, gateway }: Facts): string {
  if (!request) return "It did not pass the gateway, so the gateway decided nothing about it.";
  const { method, path, status, durationMs } = request;
  const took = durationMs === null ? "" : ` in ${showDuration(durationMs)}`;
  const target = `${method} ${path ?? "(target refused)"}`;
  const outcome = `${target} got ${status ?? "no status"}${took}`;
  if (refusal) {
    const at = refusal.step === undefined ? "" : ` at the step ${refusal.step}`;
    return `${outcome}: the gateway refused it${at}. ${explainCode(refusal.code)}.`;
  }
  const behind = detail.spans.find(({ kind, parentId }) =>
    kind === "server" &&
    detail.spans.some((span) => span.spanId === parentId && span.parentId === gateway?.spanId)
  );
  if (!behind) return `${outcome}.`;
  const by = (readStatus(behind) ?? 0) >= 400 ? ", refused by" : " from";
  return `${outcome}${by} ${behind.service}.`;
}

/** Without spans there are log lines alone, and the reader needs the reason for so few facts. */
function formatKind({ detail, request }: Facts): string[] {
  if (detail.spans.length > 0 || !request) return [];
  return wrap(
    "No span of it was stored: it was not sampled (OTEL_TRACES_SAMPLER_ARG), or its spans were not " +
      "exported. The following is from log lines alone.",
    maxWidth,
  );
}

/** What the services logged of a request of which no spans were stored. */
function formatServed({ detail }: Facts, title: (text: string) => string[], ansi: Ansi): string[] {
  return [...title("Log"), ...detail.logs.map((line) => formatLine(line, 1, ansi))];
}

/** Text from clients and upstreams may hold control characters that steer a terminal. */
function cleanAll(detail: RequestDetail): RequestDetail {
  return JSON.parse(
    JSON.stringify(detail, (_name, value) => typeof value === "string" ? clean(value) : value),
  );
}
