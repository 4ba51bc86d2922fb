import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { useInterval, useNow, useResponse, useThrottled } from "../data/hooks.ts";
import { rowKeys, useKeys } from "../data/keyboard.ts";
import { toLongDuration, toPlural } from "../logic/format.ts";
import { DeadLetters } from "../parts/dead_letters.tsx";
import { EventTrails } from "../parts/event_trails.tsx";
import { Empty, Panel, PlainTable, Service, ViewHead } from "../parts/small.tsx";
import type { Events as Shown, OutboxLevel } from "../api_types.ts";

const reloadMs = 300;
/** A new event in an outbox sends no message on the stream until it is published. */
const lookEveryMs = 2_000;

/** Events that wait for publication, recent events, and dead letters. */
export function Events() {
  const { api, live } = useApp();
  const { value, error, reload } = useResponse(api.events, []);
  const follow = useThrottled(reload, reloadMs);
  useEffect(() => live.on("events", follow), []);
  useInterval(follow, lookEveryMs);
  const rows = useRef<HTMLDivElement>(null);
  useKeys(rowKeys(rows));
  return (
    <>
      <ViewHead title="Events" error={error} retry={reload}>
        {value && <p class="summary">{toSummary(value)}</p>}
      </ViewHead>
      {value && (
        <div class="events" ref={rows}>
          <Panel title="Recent events" aside={<span class="muted">newest first</span>}>
            {value.events.length > 0
              ? <EventTrails events={value.events} areOpen={false} />
              : <Empty title="No events yet." />}
          </Panel>
          <div class="events-side">
            <Panel title="Waiting in outboxes">
              {value.outboxes.length > 0
                ? <Outboxes outboxes={value.outboxes} />
                : <p class="muted">No database of a service can be read from here.</p>}
            </Panel>
            <Panel title="Dead letters">
              {value.deadLetters
                ? <DeadLetters letters={value.deadLetters} reload={reload} />
                : value.trouble
                ? <p class="dead-notice is-bad">{value.trouble}.</p>
                : (
                  <p class="muted">
                    QStash is elsewhere: <code>deno task dlq list</code> shows them.
                  </p>
                )}
            </Panel>
          </div>
        </div>
      )}
    </>
  );
}

function toSummary({ outboxes, deadLetters }: Shown): string {
  const waiting = outboxes.reduce((sum, one) => sum + one.waiting + one.parked, 0);
  const dead = deadLetters?.length ?? 0;
  if (waiting + dead === 0) return "All events are delivered.";
  return `${toPlural(waiting, "event")} waiting, ${toPlural(dead, "dead letter")}.`;
}

function Outboxes({ outboxes }: { outboxes: readonly OutboxLevel[] }) {
  const now = useNow(1000);
  return (
    <PlainTable
      columns={["Service", ["Waiting", "number"], ["Parked", "number"], ["Oldest", "number"]]}
    >
      <tbody>
        {outboxes.map(({ service, waiting, parked, oldest }) => (
          <tr key={service}>
            <th scope="row">
              <Service name={service} />
            </th>
            <td class="number">{waiting}</td>
            <td class="number">{parked}</td>
            <td class="number">{oldest === null ? "" : toLongDuration(now - oldest)}</td>
          </tr>
        ))}
      </tbody>
    </PlainTable>
  );
}
