import { useMemo, useState } from "preact/hooks";
import { toDuration, toIso, toShortId, toText } from "../logic/format.ts";
import type { ShownLine } from "../api_types.ts";
import { Service, Time, TraceLink } from "./small.tsx";

export interface LogLinesProps {
  readonly lines: readonly ShownLine[];
  readonly list?: { current: HTMLOListElement | null };
  readonly keyOf: (line: ShownLine, at: number) => string;
  readonly label: string;
  /** Shows times relative to this, and no links to the trace that all lines belong to. */
  readonly start?: number;
}

/** The key of a line in a list that only grows at its end. */
export function keyOfIndex(_: ShownLine, at: number): string {
  return String(at);
}

/** Log lines; each can be opened to show its fields. */
export function LogLines({ lines, list, keyOf, label, start }: LogLinesProps) {
  const [stop, setStop] = useState<string>();
  const hasStop = lines.some((line, at) => keyOf(line, at) === stop);
  return (
    <ol
      class={`lines ${start === undefined ? "" : "lines-of-trace"}`}
      aria-label={label}
      ref={list ?? null}
    >
      {lines.map((line, at) => {
        const key = keyOf(line, at);
        const isStop = hasStop ? key === stop : at === 0;
        return (
          <Line key={key} id={key} line={line} start={start} isStop={isStop} onFocus={setStop} />
        );
      })}
    </ol>
  );
}

interface LineProps {
  readonly id: string;
  readonly line: ShownLine;
  readonly start: number | undefined;
  readonly isStop: boolean;
  readonly onFocus: (key: string) => void;
}

/** The same line is the same tree, which is not rendered again. */
function Line({ id, line, start, isStop, onFocus }: LineProps) {
  const [isOpen, setOpen] = useState(false);
  return useMemo(() => (
    <li class={`line level-${line.level}`}>
      <span class="line-time">
        {start === undefined
          ? <Time at={line.time} />
          : <span title={toIso(line.time)}>+{toDuration(Math.max(line.time - start, 0))}</span>}
      </span>
      <span class={`level level-name-${line.level}`}>{line.level}</span>
      <span class="line-service" title={line.service}>
        <Service name={line.service} />
      </span>
      <button
        type="button"
        class="line-text"
        data-row
        tabIndex={isStop ? 0 : -1}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        onFocus={() => onFocus(id)}
      >
        <span class="line-message">{line.message}</span> <Fields line={line} />
      </button>
      {start === undefined && (
        <span class="line-trace">{line.traceId && <TraceLink traceId={line.traceId} />}</span>
      )}
      {isOpen && <LineDetails line={line} />}
    </li>
  ), [line, isStop, isOpen, start]);
}

/** Shown without their names, in this order, as on the terminal. */
const plainFields = ["method", "path", "status", "code"] as const;
/** Repeat other fields, or do not help at a glance. */
const hiddenFields: ReadonlySet<string> = new Set([
  ...plainFields,
  "route",
  "issuer",
  "durationMs",
]);

function Fields({ line: { fields } }: { line: ShownLine }) {
  const plain = plainFields.flatMap((name) => fields[name] ? [toText(fields[name])] : []);
  const took = typeof fields.durationMs === "number" ? [toDuration(fields.durationMs)] : [];
  const named = Object.entries(fields).filter(([name]) => !hiddenFields.has(name));
  return (
    <span class="line-fields">
      {toShortId([...plain, ...took].join(" "))}
      {named.map(([name, value]) => (
        <span key={name}>
          <span class="field-name">{` ${name}=`}</span>
          {toShortId(toText(value))}
        </span>
      ))}
    </span>
  );
}

function LineDetails({ line }: { line: ShownLine }) {
  const { message, level, service, traceId, spanId, time, fields } = line;
  const own = { message, time: toIso(time), level, service, traceId, spanId };
  const all = Object.entries({ ...own, ...fields }).filter(([, value]) => value !== null);
  return (
    <dl class="pairs line-details">
      {all.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === "string" ? value : JSON.stringify(value, undefined, 2)}</dd>
        </div>
      ))}
    </dl>
  );
}
