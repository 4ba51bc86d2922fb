import { toShortId } from "../logic/format.ts";
import { toEventSteps } from "../logic/event_steps.ts";
import type { EventState, EventTrail } from "../api_types.ts";
import { Icon, type IconName, Service, Time, TraceLink } from "./small.tsx";

const icons: Readonly<Record<EventState, IconName>> = {
  waiting: "wait",
  parked: "bad",
  published: "ok",
  "under way": "wait",
  retrying: "warn",
  done: "ok",
  dead: "bad",
};

/** The state of an event, as an icon and a word. */
function EventStateMark({ state }: { state: EventState }) {
  return (
    <span class={`event-state event-${state.replace(" ", "-")}`}>
      <Icon name={icons[state]} />
      {state}
    </span>
  );
}

/** The trail of one event: opened, each of its steps. */
export function EventTrails(
  { events, areOpen = true }: { events: readonly EventTrail[]; areOpen?: boolean },
) {
  return (
    <ul class="trails">
      {events.map((event) => (
        <li key={event.id}>
          <details open={areOpen}>
            <summary data-row>
              <EventStateMark state={event.state} />
              <strong>{event.type}</strong>
              <code title={event.subject}>{toShortId(event.subject)}</code>
            </summary>
            <Way event={event} />
          </details>
          <p class="trail-ends muted">
            {event.source && <Service name={event.source} />}
            <span>→ {event.deliveries.map(({ consumer }) => consumer).join(", ") || "…"}</span>
            {!areOpen && <TraceLink traceId={event.traceId} />}
            <Time at={event.storedAt} />
          </p>
        </li>
      ))}
    </ul>
  );
}

function Way({ event }: { event: EventTrail }) {
  return (
    <ol class="trail-steps">
      {toEventSteps(event).map(({ time, text, kind }) => (
        <li key={text} class={`trail-${kind}`}>
          {time === null ? <span class="muted">now</span> : <Time at={time} />}
          <span>{text}</span>
        </li>
      ))}
      <li>
        <span class="muted">event</span>
        <code>{event.id}</code>
      </li>
    </ol>
  );
}
