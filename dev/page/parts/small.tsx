import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { useStatus } from "../data/hooks.ts";
import { toHash } from "../data/router.ts";
import { hueOf, toClock, toDateAndClock, toIso, toRelative, toShortId } from "../logic/format.ts";

/** A time of day; the date is in its title. */
export function Time({ at }: { at: number }) {
  return <time class="time" dateTime={toIso(at)} title={toDateAndClock(at)}>{toClock(at)}</time>;
}

/**
 * How long ago something was, by a clock that may stand still a little; the date is in its title.
 */
export function Ago({ at, now }: { at: number; now: number }) {
  return (
    <time dateTime={toIso(at)} title={toDateAndClock(at)}>{toRelative(at, Math.max(at, now))}</time>
  );
}

/** A service's name with its colour. */
export function Service({ name }: { name: string }) {
  return (
    <span class="service">
      <span class={`swatch ${hueOf(name)}`} />
      {name}
    </span>
  );
}

/** An HTTP status and the code of the failure; without one the request is under way. */
export function Status({ status, code }: { status: number | null; code?: string | null }) {
  if (status === null) return <span class="status status-none">under way</span>;
  return (
    <span class="status">
      <span class={`status-number status-${Math.floor(status / 100)}`}>{status}</span>
      {code ? <span class="code" title={code}>{code}</span> : null}
    </span>
  );
}

/** The subject of a request; the complete id is in the title. */
export function Person({ sub }: { sub: string | null }) {
  if (!sub || sub === "anon") return <span class="muted">anonymous</span>;
  return <span class="person" title={sub}>{toShortId(sub)}</span>;
}

/** A link to a trace, by the first digits of its id. */
export function TraceLink({ traceId }: { traceId: string }) {
  return (
    <a class="trace-link" href={toHash(`/requests/${traceId}`)} title={`Trace ${traceId}`}>
      {traceId.slice(0, 8)}
    </a>
  );
}

/** Copies a text to the clipboard and confirms it. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [notice, setNotice] = useState("");
  function copy(): void {
    navigator.clipboard.writeText(text).then(
      () => setNotice("Copied"),
      () => setNotice("The browser does not allow it"),
    );
  }
  return (
    <>
      <button type="button" class="button quiet" onClick={copy} onBlur={() => setNotice("")}>
        <Icon name={notice === "Copied" ? "ok" : "copy"} />
        {label}
      </button>
      <span class={notice === "" || notice === "Copied" ? "unseen" : "muted"} role="status">
        {notice}
      </span>
    </>
  );
}

/** A part of a view under a heading of its own. */
export function Panel(
  { title, aside, class: name = "", children }: {
    title: string;
    aside?: ComponentChildren;
    class?: string;
    children: ComponentChildren;
  },
) {
  const id = `panel-${title.toLowerCase().replaceAll(/\W+/g, "-")}`;
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** The heading of a view with its summary, and why its content could not be loaded. */
export function ViewHead({ title, error, retry, children }: {
  title: string;
  error?: string | undefined;
  retry: () => void;
  children?: ComponentChildren;
}) {
  return (
    <>
      <div class="view-head">
        <h1 tabIndex={-1}>{title}</h1>
        {children}
      </div>
      {error ? <Failure error={error} retry={retry} /> : null}
    </>
  );
}

/** A table of facts; a column is its heading, or `[heading, class]`. */
export function PlainTable({ columns, class: name = "", children }: {
  columns: readonly (string | readonly [heading: string, look: string])[];
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <table class={`plain ${name}`}>
      <thead>
        <tr>
          {columns.map((column) => {
            const [heading, look] = typeof column === "string" ? [column] : column;
            return <th key={heading} scope="col" class={look}>{heading}</th>;
          })}
        </tr>
      </thead>
      {children}
    </table>
  );
}

/** The placeholder of an empty list, with what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** The placeholder of something that failed to load; while dev is gone the banner explains it. */
export function Failure({ error, retry }: { error: string; retry: () => void }) {
  const { connection } = useStatus();
  if (connection === "lost") return null;
  return (
    <div class="failure" role="alert">
      <p>
        <Icon name="bad" />
        {error}
      </p>
      <button type="button" class="button" onClick={retry}>Try again</button>
    </div>
  );
}

/** A command to try, with the address of the running gateway. */
export function TryCurl({ path }: { path: string }) {
  const { state } = useApp();
  const command = `curl -s ${state?.gateway.origin ?? "http://127.0.0.1:8787"}${path}`;
  return (
    <p class="command-line">
      <code>{command}</code>
      <CopyButton text={command} label="Copy" />
    </p>
  );
}

const shapes = {
  ok: "M3.5 8.5l3 3 6-7",
  warn: "M8 2.5l6.2 11H1.8zM8 6.5v3.2M8 11.6v.2",
  bad: "M4 4l8 8M12 4l-8 8",
  wait: "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12M8 5v3.2l2.2 1.5",
  chevron: "M6 3.5l4.5 4.5L6 12.5",
  copy: "M6 5.5h7v8H6zM10 5.5v-3H3v8h3",
  system: "M2.5 3.5h11v7h-11zM6 13.5h4M8 10.5v3",
  light:
    "M8 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6M8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.5 1.5M11.5 11.5L13 13M13 3l-1.5 1.5M4.5 11.5L3 13",
  dark: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
} as const;

export type IconName = keyof typeof shapes;

/** An icon of 16 pixels without a meaning of its own: words stand beside it or label its button. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  );
}
