import { type Span, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { nameFailure } from "../context/measure.ts";
import type { Logger } from "../log.ts";
import {
  bestEffort,
  readTraceparent,
  startTracedSpan,
  toTraceparent,
} from "../telemetry/trace_context.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { PublishError } from "./qstash.ts";
import type { ClaimedRow, RelayRows } from "./relay_rows.ts";
import type { SequenceMark } from "./sequences.ts";

/** An event that is being published. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  /** The CloudEvent. */
  readonly event: string;
  /** Of the span that publishes it. */
  readonly traceparent: string;
}

/** Publishes events, and returns the ids of refused events with the reason. */
export type Publish = (events: readonly OutgoingEvent[]) => Promise<ReadonlyMap<string, string>>;

/** Dependencies of a relay. */
export interface RelayDeps {
  readonly service: string;
  readonly rows: RelayRows;
  readonly publish: Publish;
  /** Mark of the last published event; undefined without Redis. */
  readonly mark?: SequenceMark | undefined;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /**
   * Lease of a claim: longer than a publication, and short enough that a crash delays events
   * little.
   */
  readonly leaseMs?: number;
}

/** Publishes the backlog of an outbox. */
export interface Relay {
  /**
   * Publishes until the backlog is empty, a failure requires a pause, or `maxMs` have passed.
   *
   * A second call during a run only makes the first one check the backlog again.
   */
  run(options?: { readonly maxMs?: number }): Promise<void>;
}

/** Maximum number of events in one call to QStash. */
const batchSize = 100;
const minDelayMs = 1_000;
const maxDelayMs = 4_000;
/** `Retry-After` may be a day; this cap detects a rate limit that was raised in the meantime. */
const maxRetryAfterMs = 3_600_000;

/**
 * Creates the relay of an outbox.
 *
 * Rows are claimed for a lease, so two relays do not publish the same row. A relay that crashed or
 * was too slow loses its lease, and the rows are published again under the same ids: at least once.
 * After a failure the database makes every relay wait, for 1 to 4 s or for `Retry-After`.
 */
export function createRelay(deps: RelayDeps): Relay {
  const { now, leaseMs = 15_000 } = deps;
  // A time and not a promise: on Workers a request must not wait for another request, and the
  // promise of a stopped isolate would never settle.
  let runningUntil = 0;
  let isRerunRequested = false;
  // The database has this time too; the copy saves a query per change while QStash is down.
  let pausedUntil = 0;
  // A time beyond every lease or pause means that the clock was set back; it must not stop the
  // relay.
  const isAhead = (until: number, time: number, mostMs: number) =>
    until > time && until <= time + mostMs;
  return {
    async run({ maxMs = 10_000 } = {}) {
      const startedAt = now();
      if (isAhead(pausedUntil, startedAt, maxRetryAfterMs)) return;
      if (isAhead(runningUntil, startedAt, leaseMs)) {
        isRerunRequested = true;
        return;
      }
      let last: ClaimedRow | undefined;
      try {
        do {
          isRerunRequested = false;
          runningUntil = now() + leaseMs;
          const { more, pauseMs, published } = await publishSome(deps, leaseMs);
          last = published ?? last;
          if (pauseMs > 0) {
            pausedUntil = now() + pauseMs;
            break;
          }
          isRerunRequested ||= more;
        } while (isRerunRequested && now() - startedAt < maxMs);
      } finally {
        runningUntil = 0;
      }
      if (last) await deps.mark?.move({ subject: last.subject, sequence: last.sequence });
    },
  };
}

/** Result of a batch: whether there may be another, and how long to pause. */
interface Round {
  readonly more: boolean;
  readonly pauseMs: number;
  /** The last published row. */
  readonly published?: ClaimedRow | undefined;
}

async function publishSome(deps: RelayDeps, leaseMs: number): Promise<Round> {
  const { rows, now } = deps;
  const claimedAt = now();
  const until = claimedAt + leaseMs;
  const claimed = await rows.claim({ now: claimedAt, until, limit: batchSize });
  if (claimed.length === 0) return { more: false, pauseMs: 0 };
  const publications = claimed.map((row) => openPublication(deps, row));
  try {
    const refused = await publishDivided(deps.publish, publications);
    await settle(deps, publications, refused);
    const published = claimed.findLast(({ id }) => !refused.has(id));
    return { more: claimed.length === batchSize, pauseMs: 0, published };
  } catch (error) {
    const pauseMs = await handleFailure(deps, { claimed, publications, until, error });
    return { more: false, pauseMs };
  }
}

/**
 * One event that QStash never accepts must not block the others of its batch: halving isolates it.
 */
async function publishDivided(
  publish: Publish,
  events: readonly OutgoingEvent[],
): Promise<ReadonlyMap<string, string>> {
  try {
    return await publish(events);
  } catch (error) {
    if (!(error instanceof PublishError) || error.kind !== "refused") throw error;
    const [first] = events;
    if (first && events.length === 1) return new Map([[first.id, error.message]]);
    const middle = events.length >> 1;
    const before = await publishDivided(publish, events.slice(0, middle));
    const after = await publishDivided(publish, events.slice(middle));
    return new Map([...before, ...after]);
  }
}

async function settle(
  deps: RelayDeps,
  publications: readonly OpenPublication[],
  refused: ReadonlyMap<string, string>,
): Promise<void> {
  const accepted = publications.filter(({ id }) => !refused.has(id));
  if (accepted.length > 0) await deps.rows.markPublished(accepted.map(({ id }) => id), deps.now());
  accepted.forEach((publication) => publication.end("published"));
  for (const [id, reason] of refused) {
    await park(deps, publications.filter((publication) => publication.id === id), reason);
  }
}

/** QStash accepted no event: returns the delay before the next attempt, in milliseconds. */
async function handleFailure(
  deps: RelayDeps,
  { claimed, publications, until, error }: {
    claimed: readonly ClaimedRow[];
    publications: readonly OpenPublication[];
    until: number;
    error: unknown;
  },
): Promise<number> {
  const { rows, log, now, random } = deps;
  if (error instanceof PublishError && error.kind === "unauthorized") {
    await park(deps, publications, error.message);
    return maxDelayMs;
  }
  publications.forEach((publication) => publication.end("failed", error));
  // An unexpected error: the lease expires by itself.
  if (!(error instanceof PublishError)) throw error;
  const attempts = Math.max(...claimed.map(({ attempts }) => attempts));
  const delayMs = error.retryAfterMs === undefined
    ? toDelay(attempts, random())
    : Math.min(Math.max(error.retryAfterMs, minDelayMs), maxRetryAfterMs);
  const ids = claimed.map(({ id }) => id);
  log.warn("Events wait for QStash", { events: ids.length, delayMs, cause: error });
  await rows.postpone(ids, { until, at: now() + delayMs });
  return delayMs;
}

async function park(
  { rows, log }: RelayDeps,
  publications: readonly OpenPublication[],
  reason: string,
): Promise<void> {
  await rows.park(publications.map(({ id }) => id), reason);
  publications.forEach((publication) => publication.end("parked", reason));
  const ids = publications.map(({ id }) => id);
  log.error("Events are parked until an operator fixes the cause", { events: ids, reason });
}

/**
 * Doubles from 1 s to 4 s, minus up to a quarter of jitter, so that relays do not retry together.
 */
function toDelay(attempts: number, random: number): number {
  const full = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(attempts - 1, 10));
  return Math.max(minDelayMs, Math.round(full * (1 - random / 4)));
}

/** An event that is being published, with a span in the trace of the request that caused it. */
export interface OpenPublication extends OutgoingEvent {
  /** Ends the span and counts the event. */
  end(outcome: "published" | "failed" | "parked", failure?: unknown): void;
}

/** Starts the publication of an outbox row. */
export function openPublication(
  { service, telemetry, now }: { service: string; telemetry: Telemetry; now: () => number },
  { id, event, createdAt, attempts }: ClaimedRow,
): OpenPublication {
  const { type, subject, traceparent } = readOwn(event);
  const { span, trace } = startTracedSpan(telemetry.tracer, `publish ${type}`, {
    kind: SpanKind.PRODUCER,
    parent: readTraceparent(traceparent),
    attributes: {
      "edgepass.service": service,
      "edgepass.event.type": type,
      "edgepass.event.id": id,
      "edgepass.event.subject": subject,
      "edgepass.event.attempts": attempts,
    },
  });
  const of = { "edgepass.service": service, "edgepass.event.type": type };
  return {
    id,
    type,
    event,
    traceparent: toTraceparent(trace),
    end: (outcome, failure) =>
      bestEffort(() => {
        telemetry.metrics.add("edgepass.events.published", { ...of, "edgepass.outcome": outcome });
        if (outcome === "published") {
          const seconds = Math.max(0, now() - createdAt) / 1000;
          telemetry.metrics.record("edgepass.events.outbox.age", of, seconds);
        }
        endSpan(span, outcome, failure);
      }),
  };
}

function endSpan(span: Span, outcome: string, failure: unknown): void {
  span.setAttribute("edgepass.outcome", outcome);
  if (failure !== undefined) {
    span.setAttribute("error.type", typeof failure === "string" ? outcome : nameFailure(failure));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** Safe: the outbox wrote this event, so the three members exist. */
function readOwn(event: string): { type: string; subject: string; traceparent: string } {
  return JSON.parse(event);
}
