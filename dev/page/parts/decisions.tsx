import { type Decision } from "../logic/decision.ts";
import { toDuration } from "../logic/format.ts";
import { Icon } from "./icons.tsx";

/** What the gateway decided, step by step; a step with a span links to it. */
export function Decisions({ decisions, select }: {
  decisions: readonly Decision[];
  select: (spanId: string) => void;
}) {
  return (
    <ol class="decisions">
      {decisions.map(({ name, text, isRefusal, durationMs, spanId }) => (
        <li key={name + (spanId ?? "")} class={isRefusal ? "is-refusal" : ""}>
          <Icon name={isRefusal ? "bad" : "ok"} />
          {spanId
            ? (
              <button
                type="button"
                class="link"
                onClick={() => select(spanId)}
              >
                {name}
              </button>
            )
            : <span class="decision-name">{name}</span>}
          <span class="decision-text">{text}</span>
          <span class="decision-took">
            {durationMs === undefined ? "" : toDuration(durationMs)}
          </span>
        </li>
      ))}
    </ol>
  );
}
