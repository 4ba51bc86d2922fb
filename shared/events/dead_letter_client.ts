import type { Client } from "@upstash/qstash";
import * as z from "zod/mini";
import { PublishError } from "./publish_error.ts";

/** A message that QStash gave up, as far as anybody here asks. */
export interface QStashDeadLetter {
  /** QStash's name of it among the dead letters; a replay ends it. */
  readonly id: string;
  /** Where it should have gone. */
  readonly url: string;
  /** What was sent; undefined where it is no text. */
  readonly body: string | undefined;
  /** Epoch milliseconds of the message, which a replay makes anew. */
  readonly createdAt: number;
  /** When the last attempt failed, epoch milliseconds; undefined where QStash does not tell. */
  readonly failedAt: number | undefined;
  /** Attempts after the first that it had a right to. */
  readonly maxRetries: number | undefined;
  /** The last answer's; undefined where none came. */
  readonly status: number | undefined;
  /** The last answer's; undefined where it had none that is text. */
  readonly answer: string | undefined;
}

/** A page of letters, the oldest first. */
export interface QStashDeadLetterPage {
  readonly letters: readonly QStashDeadLetter[];
  /** Where the next page begins. */
  readonly cursor: string | undefined;
}

/** QStash's dead letters on the way to some destinations; others of the same account are not there. */
export interface DeadLetterClient {
  page(
    options: { readonly cursor?: string | undefined; readonly count: number },
  ): Promise<QStashDeadLetterPage>;
  /** Undefined for one that is gone, or that is another's. */
  find(id: string): Promise<QStashDeadLetter | undefined>;
  /** Sends them anew, and says how many were still there. */
  retry(ids: readonly string[]): Promise<number>;
  /** Gives them up for good, and says how many were still there. */
  remove(ids: readonly string[]): Promise<number>;
}

/** The answer with which a consumer says that no repetition will mend an event. */
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

/** Ids are the caller's word, and go into a query alone, where they cannot lead to another call. */
const idPattern = /^[\w-]{1,128}$/;

/**
 * Opens the dead letters of these destinations, by the official client.
 *
 * @throws {PublishError} from every function, when QStash refuses or cannot be asked
 */
export function openDeadLetterClient(
  { dlq }: Pick<Client, "dlq">,
  destinations: readonly string[],
): DeadLetterClient {
  return {
    async page({ cursor, count }) {
      const asked = dlq.listMessages({
        filter: { url: [...destinations] },
        count,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const { messages, cursor: next } = read(Page, await answered(asked));
      return { letters: messages.map(toQStashDeadLetter), cursor: next || undefined };
    },
    async find(id) {
      if (!idPattern.test(id)) return undefined;
      const answer = await orMissing(dlq.listMessages({ dlqIds: [id] }));
      const found = answer === undefined ? [] : read(Page, answer).messages;
      // By id QStash gives letters of any destination of the account.
      const deadLetter = found.find(({ dlqId, url }) => dlqId === id && destinations.includes(url));
      return deadLetter && toQStashDeadLetter(deadLetter);
    },
    retry: (ids) => retryDivided(dlq, ids),
    async remove(ids) {
      const answer = ids.length === 0 ? undefined : await orMissing(dlq.delete([...ids]));
      return answer === undefined ? 0 : read(Deleted, answer).deleted;
    },
  };
}

/** One that is gone makes QStash refuse all that are named with it, so it is looked for. */
async function retryDivided(dlq: Client["dlq"], ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const answer = await orMissing(dlq.retry([...ids]));
  if (answer !== undefined) return read(Retried, answer).responses.length;
  if (ids.length === 1) return 0;
  const middle = ids.length >> 1;
  return await retryDivided(dlq, ids.slice(0, middle)) +
    await retryDivided(dlq, ids.slice(middle));
}

async function orMissing(asked: Promise<unknown>): Promise<unknown> {
  try {
    return await answered(asked);
  } catch (error) {
    if (error instanceof PublishError && error.kind === "missing") return undefined;
    throw error;
  }
}

/** The client reads answers before it gives them, and trusts their shape. */
async function answered(asked: Promise<unknown>): Promise<unknown> {
  try {
    return await asked;
  } catch (cause) {
    if (cause instanceof PublishError) throw cause;
    throw new PublishError("away", unusable, { cause });
  }
}

const unusable = "QStash gave an unusable answer";

function read<Schema extends z.core.$ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const { success, data } = z.safeParse(schema, answer);
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
    answer: listed.responseBody || undefined,
  };
}

/** QStash tells the time in the id alone: `<epoch milliseconds>-<number>`. */
function readFailedAt(id: string): number | undefined {
  const [, digits] = /^(\d{13})-\d+$/.exec(id) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
