import { tellEvents } from "./explain_events.ts";
import { type Facts, readFacts, readStatus } from "./explain_facts.ts";
import { tellHops, tellLine } from "./explain_hops.ts";
import { explainCode, tellStory } from "./explain_story.ts";
import { clean, maxWidth, showDate, showDuration, wrap } from "./explain_text.ts";
import type { RequestDetail } from "./observe/mod.ts";
import type { Paint } from "./paint.ts";

/** What happened in a trace and why, for a terminal of 100 columns. */
export function explainTrace(traceId: string, detail: RequestDetail, paint: Paint): string {
  const facts = readFacts(cleanAll(detail));
  const title = (text: string) => ["", paint("bold", text), ""];
  return [
    `${paint("bold", `Trace ${traceId}`)}${tellWhen(facts)}`,
    ...wrap(tellOutcome(facts), maxWidth),
    ...tellKind(facts),
    ...(facts.request ? [...title("Decisions of the gateway"), ...tellStory(facts, paint)] : []),
    ...(detail.spans.length > 0
      ? [...title("Hops"), ...tellHops(facts.detail, paint)]
      : tellServed(facts, title, paint)),
    ...(detail.events.length > 0
      ? [...title("Events"), ...tellEvents(facts.detail.events, paint)]
      : []),
    "",
  ].join("\n");
}

function tellWhen({ request, detail }: Facts): string {
  const time = request?.time ?? detail.spans[0]?.start ?? detail.logs[0]?.time;
  return time === undefined ? "" : `, ${showDate(time)}`;
}

function tellOutcome({ request, refusal, detail, gateway }: Facts): string {
  if (!request) return "It did not pass the gateway, so nobody decided about it there.";
  const { method, path, status, durationMs } = request;
  const took = durationMs === null ? "" : ` in ${showDuration(durationMs)}`;
  const asked = `${method} ${path ?? "(target refused)"}`;
  const answered = `${asked} was answered ${status ?? "without a status"}${took}`;
  if (refusal) {
    const at = refusal.step === undefined ? "" : ` at the step ${refusal.step}`;
    return `${answered}: the gateway refused it${at}. ${explainCode(refusal.code)}.`;
  }
  const behind = detail.spans.find(({ kind, parentId }) =>
    kind === "server" &&
    detail.spans.some((span) => span.spanId === parentId && span.parentId === gateway?.spanId)
  );
  if (!behind) return `${answered}.`;
  const word = (readStatus(behind) ?? 0) >= 400 ? "refused by" : "by";
  return `${answered} ${word} ${behind.service}.`;
}

/** Without spans there are log lines alone, and the reader should know why so little is said. */
function tellKind({ detail, request }: Facts): string[] {
  if (detail.spans.length > 0 || !request) return [];
  return wrap(
    "No span of it was kept: it was not sampled (OTEL_TRACES_SAMPLER_ARG), or its spans were not " +
      "exported. What follows is from log lines alone.",
    maxWidth,
  );
}

/** What the services said of a request of which no spans were kept. */
function tellServed(
  { detail }: Facts,
  title: (text: string) => string[],
  paint: Paint,
): string[] {
  return [...title("Log"), ...detail.logs.map((line) => tellLine(line, 1, paint))];
}

/** What came from elsewhere may hold what steers a terminal. */
function cleanAll(detail: RequestDetail): RequestDetail {
  return JSON.parse(
    JSON.stringify(detail, (_name, value) => typeof value === "string" ? clean(value) : value),
  );
}
