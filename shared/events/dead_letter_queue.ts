import { Problem } from "../problem.ts";
import {
  type DeadLetterClient,
  poisonStatus,
  type QStashDeadLetter,
  type QStashDeadLetterPage,
} from "./dead_letter_client.ts";
import {
  type CompleteDeadLetter,
  type DeadLetter,
  toCompleteDeadLetter,
  toDeadLetter,
} from "./dead_letter.ts";
import { PublishError } from "./qstash.ts";

/** Result of a replay of all dead letters. */
export interface Replayed {
  /** How many were replayed. */
  readonly replayed: number;
  /** How many are poison and were not replayed. */
  readonly poison: number;
  /** There are more than one call handles: call again. */
  readonly more: boolean;
}

/**
 * The events that QStash gave up delivering to a service.
 *
 * A replay is a new message with the same event. A consumer that has applied it, or a newer event,
 * accepts it without effect.
 *
 * @throws {Problem} from every function: `upstream_unavailable` if QStash cannot be reached or is
 * not configured, `upstream_bad_response` if it refuses the request
 */
export interface DeadLetterQueue {
  /** A page, the oldest first. @throws {Problem} `validation_failed` for an invalid cursor */
  list(page: {
    readonly cursor?: string | undefined;
    readonly limit: number;
  }): Promise<{ readonly items: readonly DeadLetter[]; readonly nextCursor: string | null }>;
  /** One with its message and last response. @throws {Problem} `not_found` */
  find(id: string): Promise<CompleteDeadLetter>;
  /** Replays one, poison included: an operator has decided it. @throws {Problem} `not_found` */
  replay(id: string): Promise<DeadLetter>;
  /** Replays all that exist when the call begins; poison only with `poison`. */
  replayAll(options: { readonly poison: boolean }): Promise<Replayed>;
  /** Deletes one. @throws {Problem} `not_found` */
  drop(id: string): Promise<DeadLetter>;
}

/** The gateway times out after 5 s, so no further call to QStash begins after this time. */
const maxReplayMs = 2_000;
const pageSize = 100;
const maxDeadLetters = 1_000;

/** Creates the dead letter queue of a service, as administrators use it. */
export function createDeadLetterQueue(
  { client, now }: {
    /** Undefined if QStash is not configured. */
    readonly client: DeadLetterClient | undefined;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): DeadLetterQueue {
  const withClient = async <Result>(
    work: (client: DeadLetterClient) => Promise<Result>,
  ): Promise<Result> => {
    if (!client) {
      throw new Problem("upstream_unavailable", { detail: "QStash is not configured" });
    }
    try {
      return await work(client);
    } catch (error) {
      throw toProblem(error);
    }
  };
  return {
    list: ({ cursor, limit }) =>
      withClient(async (client) => {
        const { deadLetters, cursor: next } = await readPage(client, { cursor, count: limit });
        return { items: deadLetters.map(toDeadLetter), nextCursor: next ?? null };
      }),
    find: (id) =>
      withClient(async (client) => toCompleteDeadLetter(await requireDeadLetter(client, id))),
    replay: (id) =>
      withClient(async (client) => {
        const deadLetter = await requireDeadLetter(client, id);
        // Of two concurrent replays only one finds it.
        if (await client.retry([id]) === 0) throw new Problem("not_found");
        return toDeadLetter(deadLetter);
      }),
    replayAll: ({ poison }) =>
      withClient(async (client) => {
        const until = now() + maxReplayMs;
        const isInTime = () => now() < until;
        const isSelected = (deadLetter: QStashDeadLetter) => poison || !isPoison(deadLetter);
        const { deadLetters, others, more } = await collectDeadLetters(client, {
          isSelected,
          isInTime,
        });
        const { replayed, isComplete } = await replayDeadLetters(client, deadLetters, { isInTime });
        return { replayed, poison: others, more: more || !isComplete };
      }),
    drop: (id) =>
      withClient(async (client) => {
        const deadLetter = await requireDeadLetter(client, id);
        if (await client.remove([id]) === 0) throw new Problem("not_found");
        return toDeadLetter(deadLetter);
      }),
  };
}

/** The consumer reported that the event can never be handled. */
export function isPoison({ status }: QStashDeadLetter): boolean {
  return status === poisonStatus;
}

/** Bounds a scan of all dead letters. */
interface Bound {
  /** Whether another call may begin. */
  readonly isInTime: () => boolean;
}

/**
 * The selected dead letters that exist now, at most the first thousand, and how many others the
 * scan met.
 *
 * They are collected before the first replay: a dead letter that fails again at once would
 * otherwise be found again. Others do not count towards the limit: a thousand poison ones at the
 * front would otherwise hide all that follow.
 *
 * @throws {PublishError}
 */
export async function collectDeadLetters(
  client: DeadLetterClient,
  { isSelected, isInTime, onPage }: Bound & {
    readonly isSelected: (deadLetter: QStashDeadLetter) => boolean;
    /** Runs before `isSelected` is called for the dead letters of a page. */
    readonly onPage?: (deadLetters: readonly QStashDeadLetter[]) => Promise<void>;
  },
): Promise<{
  readonly deadLetters: readonly QStashDeadLetter[];
  readonly others: number;
  readonly more: boolean;
}> {
  const deadLetters: QStashDeadLetter[] = [];
  let others = 0;
  let cursor: string | undefined;
  do {
    const page = await client.page({ cursor, count: pageSize });
    await onPage?.(page.deadLetters);
    const selected = page.deadLetters.filter(isSelected);
    deadLetters.push(...selected);
    others += page.deadLetters.length - selected.length;
    cursor = page.cursor;
  } while (cursor !== undefined && deadLetters.length < maxDeadLetters && isInTime());
  return { deadLetters, others, more: cursor !== undefined };
}

/** Replays dead letters. @throws {PublishError} */
export async function replayDeadLetters(
  client: DeadLetterClient,
  deadLetters: readonly QStashDeadLetter[],
  { isInTime }: Bound,
): Promise<{ readonly replayed: number; readonly isComplete: boolean }> {
  let replayed = 0;
  for (const [at, page] of toPages(deadLetters).entries()) {
    // The first page is always replayed: a slow scan would otherwise use up every call's time.
    if (at > 0 && !isInTime()) return { replayed, isComplete: false };
    replayed += await client.retry(page.map(({ id }) => id));
  }
  return { replayed, isComplete: true };
}

/** Splits them into pages of the size that one call accepts. */
export function toPages(
  deadLetters: readonly QStashDeadLetter[],
): readonly (readonly QStashDeadLetter[])[] {
  const count = Math.ceil(deadLetters.length / pageSize);
  return Array.from(
    { length: count },
    (_, at) => deadLetters.slice(at * pageSize, (at + 1) * pageSize),
  );
}

async function readPage(
  client: DeadLetterClient,
  options: Parameters<DeadLetterClient["page"]>[0],
): Promise<QStashDeadLetterPage> {
  try {
    return await client.page(options);
  } catch (error) {
    if (options.cursor === undefined || !isRefusal(error)) throw error;
    throw new Problem("validation_failed", {
      details: [{ path: "cursor", message: "Not a cursor of this list" }],
      cause: error,
    });
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof PublishError && error.kind === "refused";
}

async function requireDeadLetter(client: DeadLetterClient, id: string): Promise<QStashDeadLetter> {
  const deadLetter = await client.find(id);
  if (!deadLetter) throw new Problem("not_found");
  return deadLetter;
}

function toProblem(cause: unknown): unknown {
  if (!(cause instanceof PublishError)) return cause;
  return cause.kind === "away"
    ? new Problem("upstream_unavailable", { detail: "QStash cannot be asked", cause })
    : new Problem("upstream_bad_response", { detail: "QStash refuses to answer", cause });
}
