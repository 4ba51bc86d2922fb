import { formatEvents } from "./explain_events.ts";
import { type Facts, readFacts, readStatus } from "./explain_facts.ts";
import { formatHops, formatLine } from "./explain_hops.ts";
import { explainCode, formatStory } from "./explain_story.ts";
import { clean, maxWidth, showDate, showDuration, wrap } from "../terminal/text.ts";
import type { RequestDetail } from "../collector/mod.ts";
import type { Ansi } from "../terminal/ansi.ts";

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
  if (!request) return "It did not pass the gateway, so nobody decided about it there.";
  const { method, path, status, durationMs } = request;
  const took = durationMs === null ? "" : ` in ${showDuration(durationMs)}`;
  const target = `${method} ${path ?? "(target refused)"}`;
  const outcome = `${target} was answered ${status ?? "without a status"}${took}`;
  if (refusal) {
    const at = refusal.step === undefined ? "" : ` at the step ${refusal.step}`;
    return `${outcome}: the gateway refused it${at}. ${explainCode(refusal.code)}.`;
  }
  const behind = detail.spans.find(({ kind, parentId }) =>
    kind === "server" &&
    detail.spans.some((span) => span.spanId === parentId && span.parentId === gateway?.spanId)
  );
  if (!behind) return `${outcome}.`;
  const word = (readStatus(behind) ?? 0) >= 400 ? "refused by" : "by";
  return `${outcome} ${word} ${behind.service}.`;
}

/** Without spans there are log lines alone, and the reader needs the reason for so few facts. */
function formatKind({ detail, request }: Facts): string[] {
  if (detail.spans.length > 0 || !request) return [];
  return wrap(
    "No span of it was kept: it was not sampled (OTEL_TRACES_SAMPLER_ARG), or its spans were not " +
      "exported. What follows is from log lines alone.",
    maxWidth,
  );
}

/** What the services logged of a request of which no spans were stored. */
function formatServed(
  { detail }: Facts,
  title: (text: string) => string[],
  ansi: Ansi,
): string[] {
  return [...title("Log"), ...detail.logs.map((line) => formatLine(line, 1, ansi))];
}

/** Text from clients and upstreams may hold control characters that steer a terminal. */
function cleanAll(detail: RequestDetail): RequestDetail {
  return JSON.parse(
    JSON.stringify(detail, (_name, value) => typeof value === "string" ? clean(value) : value),
  );
}
