import { toLongDuration } from "../logic/format.ts";
import type { Part, PartState } from "../api_types.ts";
import { Icon, type IconName } from "./small.tsx";

const icons: Readonly<Record<PartState, IconName>> = {
  ready: "ok",
  starting: "wait",
  "not ready": "warn",
  down: "bad",
};

/** The state of a part, as an icon and a word. */
export function PartStateMark({ state }: { state: PartState }) {
  return (
    <span class={`part-state part-${state.replace(" ", "-")}`}>
      <Icon name={icons[state]} />
      {state}
    </span>
  );
}

/** The worst first, then by name. */
export function sortParts(parts: readonly Part[]): Part[] {
  const order: readonly PartState[] = ["down", "not ready", "starting", "ready"];
  return parts.toSorted((a, b) =>
    order.indexOf(a.state) - order.indexOf(b.state) || (a.name < b.name ? -1 : 1)
  );
}

/** The state of everything, in one sentence. */
export function toSummary(parts: readonly Part[]): string {
  const unwell = parts.filter(({ state }) => state !== "ready").length;
  if (parts.length === 0) return "Nothing is known yet.";
  if (unwell === 0) return `All ${parts.length} parts are ready.`;
  return `${unwell} of ${parts.length} parts ${unwell === 1 ? "is" : "are"} not ready.`;
}

/** The parts in few words: those that are not ready with the reason, the others only by name. */
export function PartsList({ parts, now }: { parts: readonly Part[]; now: number }) {
  const sorted = sortParts(parts);
  const ready = Map.groupBy(sorted.filter(({ state }) => state === "ready"), ({ name }) => name);
  return (
    <ul class="parts">
      {sorted.filter(({ state }) => state !== "ready").map((part) => (
        <li key={`${part.kind} ${part.name}`}>
          <PartName part={part} />
          <PartStateMark state={part.state} />
          <span class="part-reason">
            {part.reason} <span class="muted">for {toLongDuration(now - part.since)}</span>
          </span>
        </li>
      ))}
      {[...ready].map(([name, some]) => (
        <li key={name}>
          <span class="part-name">
            {name} <span class="muted">{kindsOf(some)}</span>
          </span>
          <PartStateMark state="ready" />
        </li>
      ))}
    </ul>
  );
}

/** A part's name, and its kind when the name does not show it. */
export function PartName({ part: { name, kind } }: { part: Part }) {
  return (
    <span class="part-name">
      {name} {name.endsWith(kind) ? null : <span class="muted">{kind}</span>}
    </span>
  );
}

function kindsOf(parts: readonly Part[]): string {
  return parts.filter(({ name, kind }) => !name.endsWith(kind)).map(({ kind }) => kind).join(", ");
}
