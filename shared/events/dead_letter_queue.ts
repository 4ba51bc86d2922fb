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
} from "./dead_letter_facts.ts";
import { PublishError } from "./publish_error.ts";

/** What a replay of all came to. */
export interface Replayed {
  /** How many were sent anew. */
  readonly replayed: number;
  /** How many are poison and stayed where they are. */
  readonly poison: number;
  /** There were more than one call looks at: ask again. */
  readonly more: boolean;
}

/**
 * The events that QStash has given up on their way to a service.
 *
 * A replay is a new message with the same event, so whatever has heard it already, or something
 * newer, answers it without effect.
 *
 * @throws {Problem} from every function: `upstream_unavailable` when QStash cannot be asked or is
 * not configured, `upstream_bad_response` when it refuses us
 */
export interface DeadLetterQueue {
  /** A page, the oldest first. @throws {Problem} `validation_failed` for a cursor of no page */
  list(page: {
    readonly cursor?: string | undefined;
    readonly limit: number;
  }): Promise<{ readonly items: readonly DeadLetter[]; readonly nextCursor: string | null }>;
  /** One with all that QStash has of it. @throws {Problem} `not_found` */
  find(id: string): Promise<CompleteDeadLetter>;
  /** Sends one anew; poison too, for somebody has decided it. @throws {Problem} `not_found` */
  replay(id: string): Promise<DeadLetter>;
  /** Sends all anew that were there when it began; poison only where that is asked for. */
  replayAll(options: { readonly poison: boolean }): Promise<Replayed>;
  /** Gives one up for good. @throws {Problem} `not_found` */
  drop(id: string): Promise<DeadLetter>;
}

/** A caller waits, and the gateway for 5 s: no further call is begun after this. */
const maxReplayMs = 2_000;
const pageSize = 100;
const maxDeadLetters = 1_000;

/** Makes the dead letters of a service known to administrators. */
export function createDeadLetterQueue(
  { box: activeSpan, now }: {
    /** Undefined where there is no QStash. */
    readonly box: DeadLetterClient | undefined;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): DeadLetterQueue {
  const ask = async <Answer>(work: (box: DeadLetterClient) => Promise<Answer>): Promise<Answer> => {
    if (!activeSpan) {
      throw new Problem("upstream_unavailable", { detail: "QStash is not configured" });
    }
    try {
      return await work(activeSpan);
    } catch (error) {
      throw toProblem(error);
    }
  };
  return {
    list: ({ cursor, limit }) =>
      ask(async (box) => {
        const { letters, cursor: next } = await readPage(box, { cursor, count: limit });
        return { items: letters.map(toDeadLetter), nextCursor: next ?? null };
      }),
    find: (id) => ask(async (box) => toCompleteDeadLetter(await requireDeadLetter(box, id))),
    replay: (id) =>
      ask(async (box) => {
        const deadLetter = await requireDeadLetter(box, id);
        // Somebody may have been faster: of two replays at a time one finds it.
        if (await box.retry([id]) === 0) throw new Problem("not_found");
        return toDeadLetter(deadLetter);
      }),
    replayAll: ({ poison }) =>
      ask(async (box) => {
        const until = now() + maxReplayMs;
        const isInTime = () => now() < until;
        const isWanted = (deadLetter: QStashDeadLetter) => poison || !isPoison(deadLetter);
        const { letters, others, more } = await collectDeadLetters(box, { isWanted, isInTime });
        const { replayed, isWhole } = await replayDeadLetters(box, letters, { isInTime });
        return { replayed, poison: others, more: more || !isWhole };
      }),
    drop: (id) =>
      ask(async (box) => {
        const deadLetter = await requireDeadLetter(box, id);
        if (await box.remove([id]) === 0) throw new Problem("not_found");
        return toDeadLetter(deadLetter);
      }),
  };
}

/** The consumer has said that it can never be handled. */
export function isPoison({ status }: QStashDeadLetter): boolean {
  return status === poisonStatus;
}

/** What bounds a look at all letters. */
interface Bound {
  /** Whether another call may begin. */
  readonly isInTime: () => boolean;
}

/**
 * The letters wanted that are there now, or the first thousand of them, and how many others were met.
 *
 * They are collected before the first is sent anew: what fails again at once would be found again.
 * Others do not count, or a thousand that nobody wants would hide all behind them.
 *
 * @throws {PublishError}
 */
export async function collectDeadLetters(
  box: DeadLetterClient,
  { isWanted, isInTime, onPage }: Bound & {
    readonly isWanted: (deadLetter: QStashDeadLetter) => boolean;
    /** What `isWanted` has to know of the letters of a page. */
    readonly onPage?: (letters: readonly QStashDeadLetter[]) => Promise<void>;
  },
): Promise<{
  readonly letters: readonly QStashDeadLetter[];
  readonly others: number;
  readonly more: boolean;
}> {
  const letters: QStashDeadLetter[] = [];
  let others = 0;
  let cursor: string | undefined;
  do {
    const page = await box.page({ cursor, count: pageSize });
    await onPage?.(page.letters);
    const wanted = page.letters.filter(isWanted);
    letters.push(...wanted);
    others += page.letters.length - wanted.length;
    cursor = page.cursor;
  } while (cursor !== undefined && letters.length < maxDeadLetters && isInTime());
  return { letters, others, more: cursor !== undefined };
}

/** Sends letters anew. @throws {PublishError} */
export async function replayDeadLetters(
  box: DeadLetterClient,
  letters: readonly QStashDeadLetter[],
  { isInTime }: Bound,
): Promise<{ readonly replayed: number; readonly isWhole: boolean }> {
  let replayed = 0;
  for (const [at, page] of toPages(letters).entries()) {
    // The first are sent whatever it took to find them, or nobody would ever get anywhere.
    if (at > 0 && !isInTime()) return { replayed, isWhole: false };
    replayed += await box.retry(page.map(({ id }) => id));
  }
  return { replayed, isWhole: true };
}

/** As many as one call may name. */
export function toPages(
  letters: readonly QStashDeadLetter[],
): readonly (readonly QStashDeadLetter[])[] {
  const count = Math.ceil(letters.length / pageSize);
  return Array.from(
    { length: count },
    (_, at) => letters.slice(at * pageSize, (at + 1) * pageSize),
  );
}

async function readPage(
  box: DeadLetterClient,
  options: Parameters<DeadLetterClient["page"]>[0],
): Promise<QStashDeadLetterPage> {
  try {
    return await box.page(options);
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

async function requireDeadLetter(box: DeadLetterClient, id: string): Promise<QStashDeadLetter> {
  const deadLetter = await box.find(id);
  if (!deadLetter) throw new Problem("not_found");
  return deadLetter;
}

function toProblem(cause: unknown): unknown {
  if (!(cause instanceof PublishError)) return cause;
  return cause.kind === "away"
    ? new Problem("upstream_unavailable", { detail: "QStash cannot be asked", cause })
    : new Problem("upstream_bad_response", { detail: "QStash refuses to answer", cause });
}
