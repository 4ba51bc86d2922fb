import type { Logger } from "../log.ts";
import type { ReportFailure } from "./dead_letter.ts";
import type { DeadLetterClient, QStashDeadLetter } from "./dead_letter_client.ts";
import { readDoctorContext, readOrigin } from "./dead_letter_facts.ts";
import { collectDeadLetters, isPoison, replayDeadLetters, toPages } from "./dead_letter_queue.ts";

/** What replays the dead letters of a consumer that is up again. */
export interface DeadLetterMaintenance {
  /** Sends anew what is due; a failure is logged, for the rest of a sweep does not depend on it. */
  run(): Promise<void>;
}

const intervalMs = 60_000;
const maxRunMs = 20_000;
const maxWaitMs = 3_600_000;

/**
 * Makes the sweep of a consumer's dead letters, which looks once a minute at most.
 *
 * Who sweeps is up, so what it missed while it was down can come. Poison stays: that is for a person
 * to decide. What fails again and again comes ever more rarely: after half the time that has passed
 * between its event and its last failure, at most an hour.
 *
 * A letter of a subject that has ended is deleted, poison too: it can have no effect any more, and it
 * may have a name in it of a person whose account is closed.
 */
export function createDeadLetterMaintenance(
  { box, failureUrl, findEnded, tell, log, now }: {
    /** With the failure callbacks, of which nobody heard either. */
    readonly box: DeadLetterClient;
    /** Where failure callbacks go. */
    readonly failureUrl: string;
    /** Those of these subjects that have ended here. */
    readonly findEnded: (subjects: readonly string[]) => Promise<ReadonlySet<string>>;
    readonly tell: ReportFailure;
    readonly log: Logger;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): DeadLetterMaintenance {
  let lookedAt: number | undefined;
  return {
    async run() {
      const startedAt = now();
      // A time that lies ahead is from before the clock was set back.
      const isRecent = lookedAt !== undefined && lookedAt <= startedAt &&
        startedAt - lookedAt < intervalMs;
      if (isRecent) return;
      lookedAt = startedAt;
      try {
        const isInTime = () => now() - startedAt < maxRunMs;
        const isCallback = ({ url }: QStashDeadLetter) => url === failureUrl;
        const over = new Set<QStashDeadLetter>();
        const onPage = async (letters: readonly QStashDeadLetter[]) => {
          const found = await findEndedLetters(letters, findEnded);
          for (const deadLetter of found) over.add(deadLetter);
        };
        const isWanted = (deadLetter: QStashDeadLetter) =>
          over.has(deadLetter) || isCallback(deadLetter) ||
          (!isPoison(deadLetter) && isDue(deadLetter, startedAt));
        const { letters } = await collectDeadLetters(box, { isWanted, isInTime, onPage });
        for (const page of toPages([...over])) await box.remove(page.map(({ id }) => id));
        if (over.size > 0) {
          log.info("Dead letters of ended subjects deleted", { letters: over.size });
        }
        const events = letters.filter((deadLetter) =>
          !isCallback(deadLetter) && !over.has(deadLetter)
        );
        const { replayed } = await replayDeadLetters(box, events, { isInTime });
        if (replayed > 0) log.info("Dead letters replayed", { replayed });
        await recordFailure(box, letters.filter(isCallback), tell);
      } catch (cause) {
        log.warn("Dead letters cannot be replayed at present", { cause });
      }
    },
  };
}

async function findEndedLetters(
  letters: readonly QStashDeadLetter[],
  findEnded: (subjects: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<readonly QStashDeadLetter[]> {
  const subjects = letters.map(readDoctorContext).filter((subject) => subject !== undefined);
  if (subjects.length === 0) return [];
  const ended = await findEnded(subjects);
  return letters.filter((deadLetter) => ended.has(readDoctorContext(deadLetter) ?? ""));
}

/**
 * Hears of failures here and now: sent anew, callbacks that fail would become more with each replay
 * of what they tell of. They came by a call of ours, so they need no signature.
 */
async function recordFailure(
  box: DeadLetterClient,
  callbacks: readonly QStashDeadLetter[],
  tell: ReportFailure,
): Promise<void> {
  for (const page of toPages(callbacks)) {
    for (const { body = "" } of page) tell(new TextEncoder().encode(body));
    await box.remove(page.map(({ id }) => id));
  }
}

/** Needs no memory: that it failed later each time makes the waits grow by half. */
function isDue(deadLetter: QStashDeadLetter, now: number): boolean {
  const { failedAt = deadLetter.createdAt } = deadLetter;
  const waitMs = Math.min(maxWaitMs, Math.max(0, failedAt - readOrigin(deadLetter)) / 2);
  // One that failed in the future was written by another clock.
  return failedAt > now || now - failedAt >= waitMs;
}
