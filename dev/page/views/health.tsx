import { useHealth, useNow } from "../data/hooks.ts";
import { toHash } from "../data/router.ts";
import {
  toDateAndClock,
  toDayAndClock,
  toDuration,
  toIso,
  toLongDuration,
  toPlural,
} from "../logic/format.ts";
import { PartName, PartStateMark, sortParts, toSummary } from "../parts/health_parts.tsx";
import { Empty, Icon, Panel, PlainTable, ViewHead } from "../parts/small.tsx";
import type { Exit, Part } from "../api_types.ts";

/** The state of each part with the reason, and the exits. */
export function Health() {
  const { value, error, reload } = useHealth();
  return (
    <>
      <ViewHead title="Health" error={error} retry={reload}>
        {value && <p class="summary" role="status">{toSummary(value.parts)}</p>}
      </ViewHead>
      {value && (
        <div class="health">
          <Panel title="Parts">
            {value.parts.length > 0
              ? <Parts parts={value.parts} />
              : <Empty title="No part has reported yet." />}
          </Panel>
          <Panel title="Exits" aside={<span class="muted">newest first</span>}>
            {value.exits.length > 0
              ? value.exits.map((exit) => (
                <ExitReport key={`${exit.name} ${exit.time}`} exit={exit} />
              ))
              : <Empty title="No process has ended." />}
          </Panel>
        </div>
      )}
    </>
  );
}

function Parts({ parts }: { parts: readonly Part[] }) {
  const now = useNow(1000);
  return (
    <PlainTable class="parts-table" columns={["Part", "State", "Since", "Reason", "Where"]}>
      <tbody>
        {sortParts(parts).map((part) => (
          <tr key={`${part.kind} ${part.name}`}>
            <th scope="row">
              <PartName part={part} />
            </th>
            <td>
              <PartStateMark state={part.state} />
            </td>
            <td class="part-since">
              <Since part={part} now={now} />
            </td>
            <td class="part-reason">{part.reason}</td>
            <td class="part-where">
              {part.port === undefined ? "" : `port ${part.port}`}
              {part.pid === undefined ? "" : ` process ${part.pid}`}
            </td>
          </tr>
        ))}
      </tbody>
    </PlainTable>
  );
}

/** Since when a part is in its state, and for how long; without checks for a while, a range. */
function Since({ part: { since, notBefore }, now }: { part: Part; now: number }) {
  const at = (time: number) => (
    <time dateTime={toIso(time)} title={toDateAndClock(time)}>{toDayAndClock(time, now)}</time>
  );
  const lasted = toLongDuration(now - since);
  return notBefore === undefined
    ? (
      <>
        {at(since)} <span class="muted">({lasted})</span>
      </>
    )
    : (
      <>
        between {at(notBefore)} and {at(since)} <span class="muted">(at least {lasted})</span>
      </>
    );
}

function ExitReport({ exit }: { exit: Exit }) {
  const { name, time, lastLines, inFlight, isExpected } = exit;
  return (
    <article class={`exit ${isExpected ? "" : "is-unexpected"}`}>
      <h3>
        <Icon name={isExpected ? "ok" : "bad"} />
        {name} {toWords(exit)}
      </h3>
      <p class="muted">
        <time dateTime={toIso(time)}>{toDateAndClock(time)}</time>
        {isExpected ? " · expected" : " · unexpected"}
      </p>
      {inFlight.length > 0 && (
        <>
          <h4>{toPlural(inFlight.length, "request")} in flight</h4>
          <ul class="in-flight">
            {inFlight.map((one) => (
              <li key={`${one.traceId} ${one.path} ${one.sinceMs}`}>
                <InFlight request={one} /> <span class="muted">for {toDuration(one.sinceMs)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {lastLines.length > 0 && (
        <details open={!isExpected}>
          <summary>Its last {toPlural(lastLines.length, "line")}</summary>
          <pre tabIndex={0} aria-label={`Last lines of ${name}`}>{lastLines.join("\n")}</pre>
        </details>
      )}
    </article>
  );
}

function toWords({ code, signal }: Exit): string {
  if (signal) return `was ended by ${signal}`;
  return code === null ? "ended, with an unknown exit code" : `ended with code ${code}`;
}

function InFlight({ request: { traceId, method, path } }: { request: Exit["inFlight"][number] }) {
  const words = (
    <>
      <span class="method">{method}</span> {path}
    </>
  );
  return traceId ? <a href={toHash(`/requests/${traceId}`)}>{words}</a> : <span>{words}</span>;
}
