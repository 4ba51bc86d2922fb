import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { useResponse, useThrottled } from "../data/hooks.ts";
import { rowKeys, useKeys } from "../data/keyboard.ts";
import { toHash } from "../data/router.ts";
import { toDecisions } from "../logic/decision.ts";
import { readTokenRefusal } from "../logic/token_refusals.ts";
import { toDateAndClock, toDuration, toPlural } from "../logic/format.ts";
import { extentOf, toSpanRows } from "../logic/span_tree.ts";
import { Decisions, Passport, RefusedToken } from "../parts/passport.tsx";
import { EventTrails } from "../parts/event_trails.tsx";
import { keyOfIndex, LogLines } from "../parts/log_lines.tsx";
import { CopyButton, Empty, Failure, Panel, Person, Status } from "../parts/small.tsx";
import { linesOf, SpanDetails, Waterfall } from "../parts/waterfall.tsx";
import type { ViewProps } from "../views.ts";
import type { RequestDetail } from "../api_types.ts";

const reloadMs = 300;

/** One request: the gateway's decisions, its spans and its log lines. */
export function Trace({ params: [traceId = ""], query }: ViewProps) {
  const { api, live, router } = useApp();
  const { value, error, isLoading, reload } = useResponse(
    (signal) => api.trace(traceId, signal),
    [traceId],
  );
  // Spans and lines of a request arrive for a while after its response.
  const follow = useThrottled(reload, reloadMs);
  useEffect(() => {
    const look = (items: readonly { traceId: string | null }[]) => {
      if (items.some((item) => item.traceId === traceId)) follow();
    };
    // A delivery may fail or be late without a span or a line.
    const stops = [live.on("request", look), live.on("log", look), live.on("events", follow)];
    return () => stops.forEach((stop) => stop());
  }, [traceId]);
  useKeys({ Escape: () => router.back("/requests") });

  const select = (span: string) =>
    router.go({ path: `/requests/${traceId}`, query: { span } }, { replace: true });
  return (
    <>
      <p class="crumb">
        <a href={toHash("/requests")}>Requests</a>
      </p>
      {error ? <Failure error={error} retry={reload} /> : null}
      {value && <Shown traceId={traceId} trace={value} selected={query.span} select={select} />}
      {!value && !isLoading && !error && <Unknown traceId={traceId} />}
    </>
  );
}

function Unknown({ traceId }: { traceId: string }) {
  return (
    <>
      <h1 tabIndex={-1}>No such trace</h1>
      <Empty title={`Nothing is stored for ${traceId}.`}>
        <p>It was deleted to make room for newer ones, or it has not arrived yet.</p>
        <p>
          <a href={toHash("/requests")}>Show the requests there are</a>
        </p>
      </Empty>
    </>
  );
}

interface ShownProps {
  readonly traceId: string;
  readonly trace: RequestDetail;
  readonly selected: string | undefined;
  readonly select: (spanId: string) => void;
}

function Shown({ traceId, trace, selected, select }: ShownProps) {
  const { spans, logs, passport, verdicts, events } = trace;
  const rows = useRef<HTMLTableSectionElement>(null);
  useKeys(rowKeys(rows));
  const span = spans.find(({ spanId }) => spanId === selected) ?? toSpanRows(spans)[0]?.span;
  const start = spans.length > 0 ? extentOf(spans).start : logs[0]?.time ?? 0;
  const refusal = readTokenRefusal(trace);
  return (
    <>
      <TraceHead traceId={traceId} trace={trace} />
      <div class="trace">
        <Panel title="Spans" class="trace-spans" aside={<Count count={spans.length} noun="span" />}>
          {span
            ? <Waterfall spans={spans} selected={span.spanId} select={select} rows={rows} />
            : <Empty title="No spans have come in." />}
        </Panel>
        {span && (
          <Panel title="Selected span" class="trace-span">
            <SpanDetails span={span} start={start} lines={linesOf(span, logs)} />
          </Panel>
        )}
        {events.length > 0 && (
          <Panel
            title="Events"
            class="trace-events"
            aside={<Count count={events.length} noun="event" />}
          >
            <EventTrails events={events} />
          </Panel>
        )}
        <Panel title="Logs" class="trace-logs" aside={<Count count={logs.length} noun="line" />}>
          {logs.length > 0
            ? <LogLines lines={logs} keyOf={keyOfIndex} label="Lines of this trace" start={start} />
            : <p class="muted">Nothing was logged.</p>}
        </Panel>
        <div class="trace-middle">
          {refusal && (
            <Panel title="Why the token was refused">
              <RefusedToken refusal={refusal} isAnonymous={!trace.request?.code} />
            </Panel>
          )}
          <Panel title="What the gateway decided">
            <Decisions decisions={toDecisions(trace)} select={select} />
          </Panel>
          <Panel title="Passport">
            {passport
              ? <Passport passport={passport} verdicts={verdicts} start={start} />
              : <p class="muted">None was signed: the request went to no service.</p>}
          </Panel>
        </div>
      </div>
    </>
  );
}

function Count({ count, noun }: { count: number; noun: string }) {
  return <span class="muted">{toPlural(count, noun)}</span>;
}

function TraceHead({ traceId, trace: { request } }: { traceId: string; trace: RequestDetail }) {
  const command = `deno task explain ${traceId}`;
  return (
    <div class="trace-head">
      <h1 tabIndex={-1}>
        {request
          ? (
            <>
              <span class="method">{request.method}</span> {request.path ?? "(no path)"}
            </>
          )
          : "Trace without a request"}
      </h1>
      <dl class="facts">
        {request && <Facts request={request} />}
        <Fact name="Trace, explained in a terminal">
          <code>{command}</code>
          <span>
            <CopyButton text={command} label="Copy command" />
            <CopyButton text={traceId} label="Copy trace id" />
          </span>
        </Fact>
      </dl>
    </div>
  );
}

function Facts({ request }: { request: NonNullable<RequestDetail["request"]> }) {
  const { status, code, durationMs, sub, issuer, time, route } = request;
  return (
    <>
      <Fact name="Status">
        <Status status={status} code={code} />
      </Fact>
      <Fact name="Duration">{durationMs === null ? "…" : toDuration(durationMs)}</Fact>
      <Fact name="When">{toDateAndClock(time)}</Fact>
      <Fact name="Person">
        {sub
          ? (
            <a href={toHash("/requests", { sub })}>
              <Person sub={sub} />
            </a>
          )
          : <Person sub={sub} />}
        {issuer && <span class="muted">by {issuer}</span>}
      </Fact>
      <Fact name="Route">
        {route ? <a href={toHash("/requests", { route })}>{route}</a> : "none"}
      </Fact>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
