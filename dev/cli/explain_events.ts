import { cut, maxWidth, showTime } from "../terminal/text.ts";
import type { EventTrail } from "../collector/mod.ts";
import { type EventStep, toEventSteps } from "../page/logic/event_steps.ts";
import type { Ansi } from "../terminal/ansi.ts";

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
