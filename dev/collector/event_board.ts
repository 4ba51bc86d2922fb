import type { CompleteDeadEvent, Events, Replayed } from "./api.ts";
import type { Database } from "./database.ts";
import { readRecentTrails } from "./event_trails.ts";
import { type QstashApi, toListed } from "./local_qstash.ts";
import { type OutboxFile, readLevels } from "./outboxes.ts";
import { Refusal } from "./refusal.ts";

/** The events, and what an operator can do about dead letters. */
export interface EventBoard {
  read(): Promise<Events>;
  /** @throws {Refusal} 404, also from the others */
  find(id: string): Promise<CompleteDeadEvent>;
  replay(id: string): Promise<Replayed>;
  /** All that are not poison. */
  replayAll(): Promise<Replayed>;
  drop(id: string): Promise<{ readonly dropped: number }>;
}

export interface EventBoardOptions {
  readonly db: Database;
  readonly outboxes: readonly OutboxFile[];
  /** Undefined where QStash is elsewhere. */
  readonly qstash: QstashApi | undefined;
  /** Something was changed. */
  readonly onChange: () => void;
}

const shown = 100;

/** Makes the board of a system. */
export function createEventBoard(
  { db, outboxes, qstash, onChange }: EventBoardOptions,
): EventBoard {
  const requireQstash = (): QstashApi => {
    if (qstash) return qstash;
    throw new Refusal(409, "QStash is elsewhere: deno task dlq has its dead letters");
  };
  const require = (isDone: boolean): void => {
    onChange();
    if (!isDone) throw new Refusal(404, "It is not a dead letter any more");
  };
  return {
    async read() {
      const { letters, trouble } = await listDeadLetters(qstash);
      return {
        outboxes: readLevels(outboxes),
        events: readRecentTrails(db, { outboxes, limit: shown }),
        deadLetters: letters?.map(toListed) ?? null,
        trouble,
      };
    },
    async find(id) {
      const found = (await requireQstash().list()).find((letter) => letter.id === id);
      if (!found) throw new Refusal(404, "It is not a dead letter any more");
      return found;
    },
    async replay(id) {
      require(await requireQstash().replay(id));
      return { replayed: 1, poison: 0 };
    },
    async replayAll() {
      const api = requireQstash();
      const letters = await api.list();
      const replayable = letters.filter(({ poison }) => !poison);
      let replayed = 0;
      for (const { id } of replayable) if (await api.replay(id)) replayed++;
      onChange();
      return { replayed, poison: letters.length - replayable.length };
    },
    async drop(id) {
      require(await requireQstash().drop(id));
      return { dropped: 1 };
    },
  };
}

/** The outboxes must stay visible while QStash is away: that is when they fill up. */
async function listDeadLetters(
  qstash: QstashApi | undefined,
): Promise<{ letters?: readonly CompleteDeadEvent[]; trouble: string }> {
  try {
    return qstash ? { letters: await qstash.list(), trouble: "" } : { trouble: "" };
  } catch (error) {
    if (error instanceof Refusal) return { trouble: error.message };
    throw error;
  }
}
