import type { Logger } from "../log.ts";
import type { TellFailure } from "./dead_letter.ts";
import type { Letter, LetterBox } from "./dead_letter_box.ts";
import { readOrigin, readSubject } from "./dead_letter_facts.ts";
import { collectLetters, isPoison, replayLetters, toPages } from "./dead_letter_queue.ts";

/** What replays the dead letters of a consumer that is up again. */
export interface DeadLetterSweep {
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
export function createDeadLetterSweep(
  { box, failureUrl, findEnded, tell, log, now }: {
    /** With the failure callbacks, of which nobody heard either. */
    readonly box: LetterBox;
    /** Where failure callbacks go. */
    readonly failureUrl: string;
    /** Those of these subjects that have ended here. */
    readonly findEnded: (subjects: readonly string[]) => Promise<ReadonlySet<string>>;
    readonly tell: TellFailure;
    readonly log: Logger;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): DeadLetterSweep {
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
        const isCallback = ({ url }: Letter) => url === failureUrl;
        const over = new Set<Letter>();
        const onPage = async (letters: readonly Letter[]) => {
          const found = await findEndedLetters(letters, findEnded);
          for (const letter of found) over.add(letter);
        };
        const isWanted = (letter: Letter) =>
          over.has(letter) || isCallback(letter) ||
          (!isPoison(letter) && isDue(letter, startedAt));
        const { letters } = await collectLetters(box, { isWanted, isInTime, onPage });
        for (const page of toPages([...over])) await box.remove(page.map(({ id }) => id));
        if (over.size > 0) {
          log.info("Dead letters of ended subjects deleted", { letters: over.size });
        }
        const events = letters.filter((letter) => !isCallback(letter) && !over.has(letter));
        const { replayed } = await replayLetters(box, events, { isInTime });
        if (replayed > 0) log.info("Dead letters replayed", { replayed });
        await hearOf(box, letters.filter(isCallback), tell);
      } catch (cause) {
        log.warn("Dead letters cannot be replayed at present", { cause });
      }
    },
  };
}

async function findEndedLetters(
  letters: readonly Letter[],
  findEnded: (subjects: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<readonly Letter[]> {
  const subjects = letters.map(readSubject).filter((subject) => subject !== undefined);
  if (subjects.length === 0) return [];
  const ended = await findEnded(subjects);
  return letters.filter((letter) => ended.has(readSubject(letter) ?? ""));
}

/**
 * Hears of failures here and now: sent anew, callbacks that fail would become more with each replay
 * of what they tell of. They came by a call of ours, so they need no signature.
 */
async function hearOf(
  box: LetterBox,
  callbacks: readonly Letter[],
  tell: TellFailure,
): Promise<void> {
  for (const page of toPages(callbacks)) {
    for (const { body = "" } of page) tell(new TextEncoder().encode(body));
    await box.remove(page.map(({ id }) => id));
  }
}

/** Needs no memory: that it failed later each time makes the waits grow by half. */
function isDue(letter: Letter, now: number): boolean {
  const { failedAt = letter.createdAt } = letter;
  const waitMs = Math.min(maxWaitMs, Math.max(0, failedAt - readOrigin(letter)) / 2);
  // One that failed in the future was written by another clock.
  return failedAt > now || now - failedAt >= waitMs;
}
