import { openReadOnly, type Reader } from "./audit.ts";
import { audited, type System } from "./system.ts";

/** Undelivered events and messages. */
export interface UnderWay {
  /** Events in outboxes that are not published yet. */
  readonly waiting: number;
  /** Messages of QStash, late duplicates included. */
  readonly messages: number;
  readonly deadLetters: number;
}

/** How the system drained. */
export interface Drained extends UnderWay {
  readonly seconds: number;
}

const pollMs = 100;

/**
 * Waits until every event has arrived; dead letters arrive by the consumers' scheduled maintenance.
 */
export async function drain(system: System, maxMs: number): Promise<Drained> {
  using resources = new DisposableStack();
  const outboxes = audited.map((name) => resources.use(openReadOnly(system.databases[name])));
  const qstash = resources.use(openReadOnly(system.qstash.file));
  const startedAt = performance.now();
  for (;;) {
    const underWay = look(outboxes, qstash);
    const elapsed = performance.now() - startedAt;
    const { waiting, messages, deadLetters } = underWay;
    if (waiting + messages + deadLetters === 0 || elapsed > maxMs) {
      return { ...underWay, seconds: elapsed / 1000 };
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function look(outboxes: readonly Reader[], qstash: Reader): UnderWay {
  // Outboxes first: events that leave them meanwhile are counted among the messages.
  const waiting = outboxes.flatMap((outbox) =>
    outbox.all("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")
  ).reduce((sum, { n }) => sum + Number(n), 0);
  // In one statement: a dead letter that becomes a message between two would be counted in neither.
  const [queue] = qstash.all(`SELECT
    (SELECT count(*) FROM messages) AS messages, (SELECT count(*) FROM dead_letters) AS letters`);
  return { waiting, messages: Number(queue?.messages), deadLetters: Number(queue?.letters) };
}
