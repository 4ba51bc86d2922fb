import * as z from "zod/mini";
import { PublishError, type QstashClient } from "./qstash.ts";

/** A message that QStash gave up, with the fields that are used here. */
export interface QStashDeadLetter {
  /** QStash's id of the dead letter; a replay makes it invalid. */
  readonly id: string;
  /** Its destination. */
  readonly url: string;
  /** The body that was sent; undefined if it is not text. */
  readonly body: string | undefined;
  /** Epoch milliseconds; a replay creates a new message with a new time. */
  readonly createdAt: number;
  /** When the last attempt failed, epoch milliseconds; undefined if QStash does not report it. */
  readonly failedAt: number | undefined;
  /** Maximum number of attempts after the first. */
  readonly maxRetries: number | undefined;
  /** Status of the last response; undefined if there was no response. */
  readonly status: number | undefined;
  /** Body of the last response; undefined if it has none that is text. */
  readonly responseBody: string | undefined;
}

/** A page of dead letters, the oldest first. */
export interface QStashDeadLetterPage {
  readonly deadLetters: readonly QStashDeadLetter[];
  /** Where the next page begins. */
  readonly cursor: string | undefined;
}

/** QStash's dead letters for some destinations; those of other destinations are not visible. */
export interface DeadLetterClient {
  page(
    options: { readonly cursor?: string | undefined; readonly count: number },
  ): Promise<QStashDeadLetterPage>;
  /** Undefined if it does not exist or belongs to another destination. */
  find(id: string): Promise<QStashDeadLetter | undefined>;
  /** Replays them, and returns how many still existed. */
  retry(ids: readonly string[]): Promise<number>;
  /** Deletes them, and returns how many still existed. */
  remove(ids: readonly string[]): Promise<number>;
}

/** The status with which a consumer reports that no retry can apply an event. */
export const poisonStatus = 489;

const Text = z.optional(z.nullable(z.string()));
const Count = z.optional(z.nullable(z.number()));
const Listed = z.object({
  dlqId: z.string(),
  url: z.string(),
  body: Text,
  createdAt: z.number(),
  maxRetries: Count,
  responseStatus: Count,
  responseBody: Text,
});
const Page = z.object({ messages: z.array(Listed), cursor: Text });
const Retried = z.object({ responses: z.array(z.unknown()) });
const Deleted = z.object({ deleted: z.number() });

/** Ids come from the caller. This pattern keeps them from changing the query or the target. */
const idPattern = /^[\w-]{1,128}$/;

/**
 * Opens the dead letters of these destinations with the official client.
 *
 * @throws {PublishError} from every function, if QStash refuses or cannot be reached
 */
export function openDeadLetterClient(
  open: () => Promise<Pick<QstashClient, "dlq">>,
  destinations: readonly string[],
): DeadLetterClient {
  return {
    async page({ cursor, count }) {
      const { dlq } = await open();
      const request = dlq.listMessages({
        filter: { url: [...destinations] },
        count,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const { messages, cursor: next } = read(Page, await withPublishErrors(request));
      return { deadLetters: messages.map(toQStashDeadLetter), cursor: next || undefined };
    },
    async find(id) {
      if (!idPattern.test(id)) return undefined;
      const { dlq } = await open();
      const response = await orMissing(dlq.listMessages({ dlqIds: [id] }));
      const found = response === undefined ? [] : read(Page, response).messages;
      // A query by id returns dead letters of any destination of the account.
      const deadLetter = found.find(({ dlqId, url }) => dlqId === id && destinations.includes(url));
      return deadLetter && toQStashDeadLetter(deadLetter);
    },
    retry: async (ids) => await retryDivided((await open()).dlq, ids),
    async remove(ids) {
      if (ids.length === 0) return 0;
      const { dlq } = await open();
      const response = await orMissing(dlq.delete([...ids]));
      return response === undefined ? 0 : read(Deleted, response).deleted;
    },
  };
}

/**
 * QStash refuses a whole request if one of its ids is gone, so the list is split to find that id.
 */
async function retryDivided(dlq: QstashClient["dlq"], ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const response = await orMissing(dlq.retry([...ids]));
  if (response !== undefined) return read(Retried, response).responses.length;
  if (ids.length === 1) return 0;
  const middle = ids.length >> 1;
  return await retryDivided(dlq, ids.slice(0, middle)) +
    await retryDivided(dlq, ids.slice(middle));
}

async function orMissing(request: Promise<unknown>): Promise<unknown> {
  try {
    return await withPublishErrors(request);
  } catch (error) {
    if (error instanceof PublishError && error.kind === "missing") return undefined;
    throw error;
  }
}

/** The client parses responses and trusts their shape, so its errors may be of any kind. */
async function withPublishErrors(request: Promise<unknown>): Promise<unknown> {
  try {
    return await request;
  } catch (cause) {
    if (cause instanceof PublishError) throw cause;
    throw new PublishError("away", unusable, { cause });
  }
}

const unusable = "QStash gave an unusable answer";

function read<Schema extends z.core.$ZodType>(
  schema: Schema,
  response: unknown,
): z.output<Schema> {
  const { success, data } = z.safeParse(schema, response);
  if (success) return data;
  throw new PublishError("away", unusable);
}

function toQStashDeadLetter(listed: z.output<typeof Listed>): QStashDeadLetter {
  return {
    id: listed.dlqId,
    url: listed.url,
    body: listed.body ?? undefined,
    createdAt: listed.createdAt,
    failedAt: readFailedAt(listed.dlqId),
    maxRetries: listed.maxRetries ?? undefined,
    status: listed.responseStatus || undefined,
    responseBody: listed.responseBody || undefined,
  };
}

/** Only the id holds the time of the failure: `<epoch milliseconds>-<number>`. */
function readFailedAt(id: string): number | undefined {
  const [, digits] = /^(\d{13})-\d+$/.exec(id) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
