import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useApp } from "../data/app_context.ts";
import { useStatus } from "../data/hooks.ts";
import { toHash } from "../data/router.ts";
import { toClock, toDateAndClock, toIso, toRelative, toShortId } from "../logic/format.ts";
import { hueOf } from "../logic/hues.ts";
import { Icon } from "./icons.tsx";

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
