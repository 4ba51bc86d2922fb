import * as z from "zod/mini";
import type { Logger } from "../log.ts";
import { type Redis, RedisUnavailable, sequenceMarkKey } from "../redis/mod.ts";
import { StoreUnavailable } from "../sql/errors.ts";
import type { SqlDb } from "../sql/statement.ts";
import { raiseSequenceFloor, readSequenceFloor } from "./sequence_floor.ts";
import { readSequences } from "./sequences.ts";

/** The last event that a database is known to have published. */
const Mark = z.object({
  subject: z.string(),
  sequence: z.number().check(z.refine(Number.isSafeInteger), z.gte(1)),
});
/** Which event of which subject. */
export type Mark = z.output<typeof Mark>;

/** Remembers outside of a database how far its events have come. */
export interface SequenceMark {
  /** Compares the database with the mark; at most once a minute. */
  check(): Promise<void>;
  /** Compares, then moves the mark to an event that was published. */
  move(mark: Mark): Promise<void>;
}

const intervalMs = 60_000;

/**
 * Makes the mark of a service's database, kept in Redis.
 *
 * A database restored from an older backup gives numbers that it has given before, and consumers
 * answer such events as stale for ever. The mark names one event that was published: a database that
 * does not know it has gone back. Then its sequence floor is raised above all it can have given, so
 * that new changes arrive, and one line says what is to be done about those it has lost.
 *
 * A mark that is missing, or a Redis that does not answer or may not be written to, means unknown:
 * a start is never refused for it.
 */
export function createSequenceMark(
  { service, sql, redis, log, now }: {
    readonly service: string;
    readonly sql: SqlDb;
    readonly redis: Redis;
    readonly log: Logger;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): SequenceMark {
  const key = sequenceMarkKey(service);
  let checkedAt: number | undefined;
  let saidThatItFails = false;

  async function compare(): Promise<void> {
    checkedAt = now();
    const [text] = await redis.pipeline((pipeline) => pipeline.get(key));
    const mark = readMark(text);
    if (!mark || await isKnown(sql, mark)) return;
    await raiseSequenceFloor(sql, Math.max(now(), mark.sequence));
    log.error("Event sequence went back: was the database restored? Run events:verify --repair", {
      service,
      subject: mark.subject,
      publishedSequence: mark.sequence,
    });
  }

  async function orUnknownOutcome(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const isAway = cause instanceof RedisUnavailable || cause instanceof StoreUnavailable;
      if (!isAway) throw cause;
      if (!saidThatItFails) log.warn("Event sequence cannot be compared with Redis", { cause });
      saidThatItFails = true;
    }
  }

  return {
    async check() {
      const at = now();
      // A time that lies ahead is from before the clock was set back.
      if (checkedAt !== undefined && checkedAt <= at && at - checkedAt < intervalMs) return;
      await orUnknownOutcome(compare);
    },
    move: (mark) =>
      orUnknownOutcome(async () => {
        // First, or the mark that shows a restored database would be overwritten by its next event.
        await compare();
        await redis.pipeline((pipeline) => pipeline.set(key, JSON.stringify(mark)));
      }),
  };
}

/** Above the floor numbers may have been given to anything: a database is told of once. */
async function isKnown(sql: SqlDb, { subject, sequence }: Mark): Promise<boolean> {
  const given = (await readSequences(sql, [subject])).get(subject) ?? 0;
  return given >= sequence || await readSequenceFloor(sql) >= sequence;
}

function readMark(text: unknown): Mark | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return z.safeParse(Mark, JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
