import { cut, maxWidth, showTime } from "./explain_text.ts";
import type { EventTrail } from "./observe/mod.ts";
import { type EventStep, toEventSteps } from "./page/logic/event_steps.ts";
import type { Paint } from "./paint.ts";

const colors = { done: "green", waits: "yellow", bad: "red" } as const;
const marks = { done: "+", waits: "…", bad: "x" } as const;

/** What became of the events that a request caused, each from its outbox to whoever hears it. */
export function tellEvents(events: readonly EventTrail[], paint: Paint): string[] {
  return events.flatMap((event) => [
    cut(`  ${event.type}  ${event.subject}  (${event.id})`, maxWidth),
    ...toEventSteps(event).map((step) => tellStep(step, paint)),
  ]);
}

function tellStep({ time, text, kind }: EventStep, paint: Paint): string {
  const at = (time === null ? "now" : showTime(time)).padEnd(12);
  return `    ${paint(colors[kind], marks[kind])} ${cut(`${at}  ${text}`, maxWidth - 6)}`;
}
