import { openReadOnly, type Reader } from "./audit.ts";
import { services, type System } from "./system.ts";

/** What is still on its way. */
export interface UnderWay {
  /** Events in outboxes that QStash has not taken. */
  readonly waiting: number;
  /** Messages of QStash, late duplicates among them. */
  readonly messages: number;
  readonly deadLetters: number;
}

/** How a system came to rest. */
export interface Drained extends UnderWay {
  readonly seconds: number;
}

const pollMs = 100;

/** Waits until every event has arrived, dead letters by their consumers' own sweeps. */
export async function drain(system: System, maxMs: number): Promise<Drained> {
  using resources = new DisposableStack();
  const outboxes = services.map((name) => resources.use(openReadOnly(system.databases[name])));
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
  // Outboxes first: what leaves them meanwhile is seen among the messages.
  const waiting = outboxes.flatMap((outbox) =>
    outbox.all("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")
  ).reduce((sum, { n }) => sum + Number(n), 0);
  // In one statement, or a letter that becomes a message in between would be seen as neither.
  const [queue] = qstash.all(`SELECT
    (SELECT count(*) FROM messages) AS messages, (SELECT count(*) FROM dead_letters) AS letters`);
  return { waiting, messages: Number(queue?.messages), deadLetters: Number(queue?.letters) };
}
