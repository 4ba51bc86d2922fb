import type { Logger } from "../log.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { type OpenPublication, openPublication } from "./publication.ts";
import { PublishError } from "./publish_error.ts";
import type { OutgoingEvent, Publish } from "./publisher.ts";
import type { ClaimedRow, RelayRows } from "./relay_rows.ts";
import type { SequenceMark } from "./sequence_mark.ts";

/** What a relay is made of. */
export interface RelayDeps {
  readonly service: string;
  readonly rows: RelayRows;
  readonly publish: Publish;
  /** Where it is remembered how far events have come; undefined without a Redis. */
  readonly mark?: SequenceMark | undefined;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** How long a claim holds: longer than a publication takes, shorter than a crash may cost. */
  readonly leaseMs?: number;
  /** Events published by one call. */
  readonly batchSize?: number;
}

/** Publishes what waits in an outbox. */
export interface Relay {
  /**
   * Publishes until nothing waits, a failure says when to come back, or `maxMs` are over.
   *
   * While it runs, a second call only makes the first one look again.
   */
  run(options?: { readonly maxMs?: number }): Promise<void>;
}

const minDelayMs = 1_000;
const maxDelayMs = 4_000;
/** QStash may ask for a day; a limit that was raised meanwhile is found out sooner. */
const maxRetryAfterMs = 3_600_000;

/**
 * Makes the relay of an outbox.
 *
 * Rows are claimed for a lease, so two relays never publish the same row; one that died or was too
 * slow loses its lease, and the rows go out again under the same ids: at least once. After a failure
 * the database tells every relay to wait, 1 to 4 s or what `Retry-After` says.
 */
export function createRelay(deps: RelayDeps): Relay {
  const { now, leaseMs = 15_000, batchSize = 100 } = deps;
  // A value and not a promise: on Workers a request must not wait for another one, and one whose
  // isolate was stopped in the middle would never be over.
  let runningUntil = 0;
  let again = false;
  // The database says so too; this saves asking it at every change while QStash is away.
  let pausedUntil = 0;
  // A time that no lease or pause of ours can reach is from before the clock was set back.
  const isAhead = (until: number, time: number, mostMs: number) =>
    until > time && until <= time + mostMs;
  return {
    async run({ maxMs = 10_000 } = {}) {
      const startedAt = now();
      if (isAhead(pausedUntil, startedAt, maxRetryAfterMs)) return;
      if (isAhead(runningUntil, startedAt, leaseMs)) {
        again = true;
        return;
      }
      let last: ClaimedRow | undefined;
      try {
        do {
          again = false;
          runningUntil = now() + leaseMs;
          const { more, pauseMs, published } = await publishSome(deps, { leaseMs, batchSize });
          last = published ?? last;
          if (pauseMs > 0) {
            pausedUntil = now() + pauseMs;
            break;
          }
          again ||= more;
        } while (again && now() - startedAt < maxMs);
      } finally {
        runningUntil = 0;
      }
      if (last) await deps.mark?.move({ subject: last.subject, sequence: last.sequence });
    },
  };
}

/** How a batch went: whether there may be another, and how long to leave QStash alone. */
interface Round {
  readonly more: boolean;
  readonly pauseMs: number;
  /** The last one that is out. */
  readonly published?: ClaimedRow | undefined;
}

async function publishSome(
  deps: RelayDeps,
  { leaseMs, batchSize }: { leaseMs: number; batchSize: number },
): Promise<Round> {
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
    const pauseMs = await giveUp(deps, { claimed, publications, until, error });
    return { more: false, pauseMs };
  }
}

/** One event that will never be taken must not keep ninety-nine others back: it is looked for. */
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
  const taken = publications.filter(({ id }) => !refused.has(id));
  if (taken.length > 0) await deps.rows.markPublished(taken.map(({ id }) => id), deps.now());
  taken.forEach((publication) => publication.end("published"));
  for (const [id, reason] of refused) {
    await park(deps, publications.filter((publication) => publication.id === id), reason);
  }
}

/** Nobody took the events: says when they may be tried again, in milliseconds. */
async function giveUp(
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
  // Nobody foresaw anything else: the lease will end by itself.
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
  log.error("Events are parked until somebody mends the cause", { events: ids, reason });
}

/** Doubles from 1 s to 4 s, less up to a quarter, so that relays do not come all at once. */
function toDelay(attempts: number, random: number): number {
  const full = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(attempts - 1, 10));
  return Math.max(minDelayMs, Math.round(full * (1 - random / 4)));
}
