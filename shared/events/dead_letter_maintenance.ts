import type { Logger } from "../log.ts";
import { readOrigin, readSubject, type ReportFailure } from "./dead_letter.ts";
import type { DeadLetterClient, QStashDeadLetter } from "./dead_letter_client.ts";
import { collectDeadLetters, isPoison, replayDeadLetters, toPages } from "./dead_letter_queue.ts";

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
