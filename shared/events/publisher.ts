import type { PublishBatchRequest } from "@upstash/qstash";
import * as z from "zod/mini";
import { cloudEventMediaType, type EventTable, findRow } from "./cloud_event.ts";
import { createQstashClient, PublishError, type QstashAccess, toDestination } from "./qstash.ts";

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
  const client = createQstashClient(access);
  return async function publish(events) {
    const messages = events.flatMap((event) => toMessages(event, table, publicOrigin));
    if (messages.length === 0) return new Map();
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
