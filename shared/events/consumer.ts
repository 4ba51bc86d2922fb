import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { annotate, nameFailure } from "../context/measure.ts";
import { currentContext, runInContext } from "../context/request_context.ts";
import type { Logger } from "../log.ts";
import { isErrorNamed, Problem } from "../problem.ts";
import { bestEffort, startTracedSpan } from "../telemetry/trace_context.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { type EventTable, type ReadEvent, readEvent, type Unreadable } from "./cloud_event.ts";
import type { Handler, Inbox, SignatureCheck } from "./delivery.ts";

/** An event that no retry can apply: it goes to the dead letter queue at once. */
export class PoisonError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "PoisonError";
}

/** Outcome of an accepted delivery; QStash does not retry any of them. */
export type Accepted = "applied" | "duplicate" | "stale";

/** A delivery as it was received. */
export interface Delivery {
  /** The header `Upstash-Signature`. */
  readonly signature: string | undefined;
  /** The bytes of the body. */
  readonly body: ArrayBuffer;
  /** The header `Upstash-Retried`. The signature does not cover it, so it is only counted. */
  readonly retried?: string | undefined;
}

/** Dependencies of a consumer. */
export interface ConsumerDeps {
  readonly service: string;
  readonly table: EventTable;
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly inbox: Inbox;
  readonly check: SignatureCheck;
  /** `<PUBLIC_ORIGIN>/events/<service>`. */
  readonly url: string;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Concurrent deliveries of this instance; further ones get 503 and are retried by QStash. */
  readonly maxConcurrent?: number;
}

/**
 * How often the handler runs again when a statement of its effect lost against a concurrent write.
 */
const maxTries = 3;

/**
 * Creates the consumer of a service's deliveries.
 *
 * The effect of an event and its inbox row are one batch, so a duplicate has no second effect,
 * however late it arrives. An event is accepted without effect if a newer event of the same facet
 * was applied, or if its subject is deleted.
 *
 * @throws {Problem} `event_signature_invalid`, `event_unusable` (489, no retry), and
 * `event_postponed`, `store_unavailable` or `internal`, after which QStash retries
 */
export function createConsumer(deps: ConsumerDeps): (delivery: Delivery) => Promise<Accepted> {
  const { maxConcurrent = 200 } = deps;
  let active = 0;
  return async function receive(delivery) {
    if (active >= maxConcurrent) {
      count(deps, undefined, "busy");
      throw new Problem("event_postponed", { headers: { "retry-after": "2" } });
    }
    active++;
    try {
      return await receiveOne(deps, delivery);
    } finally {
      active--;
    }
  };
}

async function receiveOne(deps: ConsumerDeps, delivery: Delivery): Promise<Accepted> {
  const { service, table, check, url, log } = deps;
  const reason = await check({ ...delivery, url });
  if (reason !== undefined) {
    // A forgery, or the keys were rotated twice. Then genuine messages wait in QStash's retries.
    log.warn("Event refused", { reason });
    count(deps, undefined, "refused");
    throw new Problem("event_signature_invalid");
  }
  const read = readEvent(delivery.body, table);
  countRetry(deps, delivery, "event" in read ? read.event.type : read.unreadable.type);
  if ("unreadable" in read) return refuse(deps, read.unreadable);
  const { event } = read;
  const handler = deps.handlers.get(event.type);
  if (!handler) return refuse(deps, { ...event, reason: `is not for ${service}` });
  return await inEventSpan(deps, event, async () => await handle(deps, event, handler));
}

function countRetry(
  { service, telemetry }: ConsumerDeps,
  { retried = "0" }: Delivery,
  type: string | undefined,
): void {
  if (!/^[1-9]\d*$/.test(retried)) return;
  telemetry.metrics.add("edgepass.events.retries", {
    "edgepass.service": service,
    "edgepass.event.type": type,
  });
}

function refuse(deps: ConsumerDeps, { reason, type, trace }: Unreadable): never {
  deps.log.error("Event is poison", { reason, type, causedBy: trace?.traceId });
  count(deps, type, "poison");
  throw unusable(`The event ${reason}`);
}

function unusable(detail: string, cause?: unknown): Problem {
  return new Problem("event_unusable", {
    detail,
    headers: { "upstash-nonretryable-error": "true" },
    cause,
  });
}

async function handle(deps: ConsumerDeps, event: ReadEvent, handler: Handler): Promise<Accepted> {
  try {
    const accepted = await tryToApply(deps, event, handler);
    reportOutcome(deps, event, accepted);
    if (accepted === "applied") {
      const seconds = Math.max(0, deps.now() - event.time) / 1000;
      deps.telemetry.metrics.record("edgepass.events.lag", {
        "edgepass.service": deps.service,
        "edgepass.event.type": event.type,
      }, seconds);
    }
    return accepted;
  } catch (error) {
    const { outcome, problem } = toFailure(error);
    reportOutcome(deps, event, outcome, error);
    throw problem;
  }
}

async function tryToApply(
  { inbox, now }: ConsumerDeps,
  event: ReadEvent,
  handler: Handler,
): Promise<Accepted> {
  for (let tries = 0; tries < maxTries; tries++) {
    const status = await inbox.inboxStatus(event);
    if (status !== "new") return status;
    const result = await inbox.apply(event, await handler(event), now());
    if (result === "applied" || result === "duplicate") return result;
  }
  throw new Problem("event_postponed", { headers: { "retry-after": "1" } });
}

/**
 * An unexpected error may not occur in the next attempt, so it is retried. Only an error that every
 * attempt would repeat is poison.
 */
function toFailure(error: unknown): { outcome: Outcome; problem: unknown } {
  if (isErrorNamed(error, "PoisonError")) {
    return { outcome: "poison", problem: unusable("The event cannot be handled", error) };
  }
  if (isErrorNamed(error, "StoreUnavailable")) return { outcome: "busy", problem: error };
  if (!(error instanceof Problem)) return { outcome: "failed", problem: error };
  if (error.status < 500) {
    return { outcome: "poison", problem: unusable("The event cannot be handled", error) };
  }
  return { outcome: error.status === 503 ? "busy" : "failed", problem: error };
}

type Outcome = Accepted | "poison" | "busy" | "failed" | "refused";

function reportOutcome(
  deps: ConsumerDeps,
  event: ReadEvent,
  outcome: Outcome,
  cause?: unknown,
): void {
  const { type, id, subject, sequence } = event;
  count(deps, type, outcome);
  annotate({ "edgepass.outcome": outcome });
  const fields = { type, event: id, subject, sequence, outcome };
  if (outcome === "poison") deps.log.error("Event is poison", { ...fields, cause });
  else if (cause !== undefined) deps.log.warn("Event will be retried", { ...fields, cause });
  else deps.log.info("Event handled", fields);
}

function count(
  { service, telemetry }: ConsumerDeps,
  type: string | undefined,
  outcome: Outcome,
): void {
  bestEffort(() =>
    telemetry.metrics.add("edgepass.events.deliveries", {
      "edgepass.service": service,
      "edgepass.event.type": type,
      "edgepass.outcome": outcome,
    })
  );
}

/** Handles an event in the trace of the request that caused it. */
export async function inEventSpan<Result>(
  { service, telemetry }: { readonly service: string; readonly telemetry: Telemetry },
  { type, id, subject, trace }: ReadEvent,
  work: () => Promise<Result>,
): Promise<Result> {
  const context = currentContext();
  // If QStash forwarded the trace header, the delivery's own span is in that trace already.
  const parent = context?.activeSpan && context.trace.traceId === trace.traceId
    ? context.activeSpan
    : trace;
  const activeSpan = startTracedSpan(telemetry.tracer, `process ${type}`, {
    kind: SpanKind.CONSUMER,
    parent,
    attributes: {
      "edgepass.service": service,
      "edgepass.event.type": type,
      "edgepass.event.id": id,
      "edgepass.event.subject": subject,
    },
  });
  const { signal = new AbortController().signal } = context ?? {};
  try {
    return await runInContext(
      { service, trace: activeSpan.trace, activeSpan, telemetry, callChain: [service], signal },
      work,
    );
  } catch (error) {
    bestEffort(() => {
      activeSpan.span.setAttribute("error.type", nameFailure(error));
      activeSpan.span.setStatus({ code: SpanStatusCode.ERROR });
    });
    throw error;
  } finally {
    bestEffort(() => activeSpan.span.end());
  }
}
