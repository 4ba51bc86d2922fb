import type { PublishBatchRequest } from "@upstash/qstash";
import * as z from "zod/mini";
import { cloudEventMediaType, type EventTable, findRow } from "./cloud_event.ts";
import { readOrigin, readSubject, type ReportFailure } from "./dead_letter.ts";
import {
  type DeadLetterClient,
  openDeadLetterClient,
  type QStashDeadLetter,
} from "./dead_letter_client.ts";
import {
  collectDeadLetters,
  createDeadLetterQueue,
  type DeadLetterQueue,
  isPoison,
  replayDeadLetters,
  toPages,
} from "./dead_letter_queue.ts";
import {
  type EventSettings,
  type Fetch,
  PublishError,
  type QstashAccess,
  type QstashClient,
  toDestination,
} from "./qstash.ts";
import { createRelay, type OutgoingEvent, type Publish, type Relay } from "./relay.ts";
import type { RelayRows } from "./relay_rows.ts";
import type { SequenceMark } from "./sequences.ts";
import { loadOnce } from "../isolate.ts";
import type { Logger } from "../log.ts";
import type { Redis } from "../redis/mod.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

/**
 * Loads the official client, with our own transport. It is not loaded with this module: a program
 * that publishes nothing would pay an eighth of its cold start for it.
 */
export async function loadQstashClient(access: QstashAccess): Promise<QstashClient> {
  const { createQstashClient } = await import("./qstash_client.ts");
  return createQstashClient(access);
}

/** Options of {@link createPublisher}. */
export interface PublisherOptions extends QstashAccess {
  readonly table: EventTable;
  readonly publicOrigin: string;
}

/** Attempts after the first. With the delays below a consumer may be down for half a minute. */
const retries = 5;
/** Milliseconds: 1 s, 2 s, 4 s, 8 s, 16 s, never more than 20 s. */
const retryDelay = "min(20000, pow(2, retried) * 1000)";
const deliveryTimeoutSeconds = 10;

/** One result per message; a refused message has no id. */
const Results = z.array(z.looseObject({
  messageId: z.optional(z.string()),
  error: z.optional(z.string()),
}));

/**
 * Publishes with the official client: one message for each event and consumer, in one batch.
 *
 * Destinations come only from the table and the configured origin. A message that QStash already
 * has (the same event for the same consumer) is a success.
 *
 * @throws {PublishError} if no event was accepted, or the result is unknown
 */
export function createPublisher(
  { table, publicOrigin, ...access }: PublisherOptions,
): Publish {
  const open = loadOnce(() => loadQstashClient(access));
  return async function publish(events) {
    const messages = events.flatMap((event) => toMessages(event, table, publicOrigin));
    if (messages.length === 0) return new Map();
    const client = await open();
    const response: unknown = await client.batch(messages.map(({ message }) => message));
    const { success, data: results } = z.safeParse(Results, response);
    if (!success || results.length !== messages.length) {
      throw new PublishError("away", "QStash gave an unusable answer");
    }
    const refused = messages.flatMap(({ id }, at) =>
      results[at]?.messageId === undefined ? [[id, results[at]?.error ?? "refused"] as const] : []
    );
    return new Map(refused);
  };
}

function toMessages(
  { id, type, event, traceparent }: OutgoingEvent,
  table: EventTable,
  publicOrigin: string,
): { id: string; message: PublishBatchRequest<string> }[] {
  return (findRow(table, type)?.consumers ?? []).map((consumer) => {
    const url = toDestination(publicOrigin, consumer);
    const message = {
      url,
      body: event,
      method: "POST" as const,
      headers: { "content-type": cloudEventMediaType, traceparent },
      retries,
      retryDelay,
      timeout: deliveryTimeoutSeconds,
      deduplicationId: `${id}-${consumer}`,
      failureCallback: `${url}/failed`,
      label: type,
    };
    return { id, message };
  });
}

/** Replays the dead letters of a consumer that is available again. */
export interface DeadLetterMaintenance {
  /** Replays what is due. A failure is logged and does not stop the rest of maintenance. */
  run(): Promise<void>;
}

const intervalMs = 60_000;
const maxRunMs = 20_000;
const maxWaitMs = 3_600_000;

/**
 * Creates the maintenance of a consumer's dead letters, which runs at most once a minute.
 *
 * The consumer runs it itself, so it is available and can receive what it missed during a downtime.
 * Poison stays, because an operator decides about it. The delay before the next replay grows: it is
 * half the time between the event and its last failure, at most an hour.
 *
 * A dead letter of a deleted subject is deleted, even if it is poison. It can have no effect any
 * more, and it may hold the name of a person whose account is closed.
 */
export function createDeadLetterMaintenance(
  { client, failureUrl, findEnded, reportFailure, log, now }: {
    /** Covers the failure callbacks too, which may have failed as well. */
    readonly client: DeadLetterClient;
    /** Destination of failure callbacks. */
    readonly failureUrl: string;
    /** Returns the subjects that are deleted in this service. */
    readonly findEnded: (subjects: readonly string[]) => Promise<ReadonlySet<string>>;
    readonly reportFailure: ReportFailure;
    readonly log: Logger;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): DeadLetterMaintenance {
  let checkedAt: number | undefined;
  return {
    async run() {
      const startedAt = now();
      // A time in the future means that the clock was set back; it must not stop maintenance.
      const isRecent = checkedAt !== undefined && checkedAt <= startedAt &&
        startedAt - checkedAt < intervalMs;
      if (isRecent) return;
      checkedAt = startedAt;
      try {
        const isInTime = () => now() - startedAt < maxRunMs;
        const isCallback = ({ url }: QStashDeadLetter) => url === failureUrl;
        const obsolete = new Set<QStashDeadLetter>();
        const onPage = async (deadLetters: readonly QStashDeadLetter[]) => {
          const found = await selectOfDeletedSubjects(deadLetters, findEnded);
          for (const deadLetter of found) obsolete.add(deadLetter);
        };
        const isSelected = (deadLetter: QStashDeadLetter) =>
          obsolete.has(deadLetter) || isCallback(deadLetter) ||
          (!isPoison(deadLetter) && isDue(deadLetter, startedAt));
        const { deadLetters } = await collectDeadLetters(client, {
          isSelected,
          isInTime,
          onPage,
        });
        for (const page of toPages([...obsolete])) await client.remove(page.map(({ id }) => id));
        if (obsolete.size > 0) {
          log.info("Dead letters of ended subjects deleted", { letters: obsolete.size });
        }
        const events = deadLetters.filter((deadLetter) =>
          !isCallback(deadLetter) && !obsolete.has(deadLetter)
        );
        const { replayed } = await replayDeadLetters(client, events, { isInTime });
        if (replayed > 0) log.info("Dead letters replayed", { replayed });
        await recordFailure(client, deadLetters.filter(isCallback), reportFailure);
      } catch (cause) {
        log.warn("Dead letters cannot be replayed at present", { cause });
      }
    },
  };
}

async function selectOfDeletedSubjects(
  deadLetters: readonly QStashDeadLetter[],
  findEnded: (subjects: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<readonly QStashDeadLetter[]> {
  const subjects = deadLetters.map(readSubject).filter((subject) => subject !== undefined);
  if (subjects.length === 0) return [];
  const deleted = await findEnded(subjects);
  return deadLetters.filter((deadLetter) => deleted.has(readSubject(deadLetter) ?? ""));
}

/**
 * Records failures directly. If callbacks were replayed instead, each replay of an event would add
 * one more failed callback. They were read with our own token, so they need no signature.
 */
async function recordFailure(
  client: DeadLetterClient,
  callbacks: readonly QStashDeadLetter[],
  reportFailure: ReportFailure,
): Promise<void> {
  for (const page of toPages(callbacks)) {
    for (const { body = "" } of page) reportFailure(new TextEncoder().encode(body));
    await client.remove(page.map(({ id }) => id));
  }
}

/** Needs no stored state: each failure is later than the one before, so the delay grows by half. */
function isDue(deadLetter: QStashDeadLetter, now: number): boolean {
  const { failedAt = deadLetter.createdAt } = deadLetter;
  const waitMs = Math.min(maxWaitMs, Math.max(0, failedAt - readOrigin(deadLetter)) / 2);
  // A failure in the future comes from a clock that differs; it must not block the replay.
  return failedAt > now || now - failedAt >= waitMs;
}

/** Effects that tests replace. */
export interface EventsEffects {
  /** Replaces the Redis of the settings. */
  readonly redis?: Redis;
  /** Sends requests to QStash. */
  readonly fetch?: Fetch;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** Timeout of a publishing call. */
  readonly publishTimeoutMs?: number;
}

/** A service's use of QStash; without QStash nothing is published or replayed. */
export interface OpenQstash {
  readonly relay: Relay | undefined;
  readonly deadLetters: DeadLetterQueue;
  readonly deadLetterMaintenance: DeadLetterMaintenance | undefined;
}

/** Timeout of a call about dead letters; an administrator waits for it. */
const deadLetterTimeoutMs = 2_500;

/** Opens publishing to QStash and access to its dead letters. */
export function openQstash(
  { settings: { qstash, publicOrigin }, effects, table, reportFailure, findEnded, ...deps }: {
    service: string;
    table: EventTable;
    rows: RelayRows;
    log: Logger;
    telemetry: Telemetry;
    now: () => number;
    settings: EventSettings;
    effects: EventsEffects;
    reportFailure: ReportFailure;
    mark: SequenceMark | undefined;
    findEnded: (subjects: readonly string[]) => Promise<ReadonlySet<string>>;
  },
): OpenQstash {
  const { service, log, now } = deps;
  if (qstash === undefined || publicOrigin === undefined) {
    const deadLetters = createDeadLetterQueue({ client: undefined, now });
    return { relay: undefined, deadLetters, deadLetterMaintenance: undefined };
  }
  const { fetch, random = Math.random, publishTimeoutMs: timeoutMs } = effects;
  const access = { ...qstash, fetch, now };
  const publish = createPublisher({ ...access, timeoutMs, table, publicOrigin });
  const open = loadOnce(() => loadQstashClient({ ...access, timeoutMs: deadLetterTimeoutMs }));
  const destination = toDestination(publicOrigin, service);
  const failureUrl = `${destination}/failed`;
  const withCallbacks = openDeadLetterClient(open, [destination, failureUrl]);
  const deadLetters = openDeadLetterClient(open, [destination]);
  return {
    relay: createRelay({ ...deps, publish, random }),
    deadLetters: createDeadLetterQueue({ client: deadLetters, now }),
    deadLetterMaintenance: createDeadLetterMaintenance({
      client: withCallbacks,
      failureUrl,
      findEnded,
      reportFailure,
      log,
      now,
    }),
  };
}
