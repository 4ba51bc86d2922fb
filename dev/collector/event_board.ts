import * as z from "zod/mini";
import type { CompleteDeadEvent, DeadEvent, Events, Replayed } from "./api.ts";
import type { Database } from "./database.ts";
import { readRecentTrails } from "./event_trails.ts";
import { type OutboxFile, readLevels } from "./event_sources.ts";
import { Refusal } from "./refusal.ts";
import { parseJson } from "@edgepass/shared/crypto";

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
    throw new Refusal(409, "QStash is not local: use deno task dlq for its dead letters");
  };
  const require = (isDone: boolean): void => {
    onChange();
    if (!isDone) throw new Refusal(404, "It is no longer a dead letter");
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
      if (!found) throw new Refusal(404, "It is no longer a dead letter");
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

/** The local QStash's dead letters that are events. */
export interface QstashApi {
  /** The oldest first, a thousand at most. */
  list(): Promise<CompleteDeadEvent[]>;
  /** Sends one again; false where it is gone. */
  replay(id: string): Promise<boolean>;
  /** Deletes one; false where it is gone. */
  drop(id: string): Promise<boolean>;
}

const Text = z._default(z.string(), "");
const Letter = z.object({
  dlqId: z.string(),
  url: z.string(),
  body: Text,
  responseStatus: z.optional(z.number()),
  responseBody: Text,
});
const Letters = z.object({ messages: z.array(Letter), cursor: z.optional(z.string()) });
const optionalText = z.catch(z.nullable(z.string()), null);
const Event = z.object({
  id: optionalText,
  type: optionalText,
  subject: optionalText,
  traceparent: optionalText,
});

/** A consumer's status for an event that no repetition will help. */
const poisonStatus = 489;
const timeoutMs = 2_000;
const maxPages = 10;

/**
 * Calls the local QStash by its own API. @throws {Refusal} 502 from every function, with the reason
 */
export function createQstashApi({ url, token }: { url: string; token: string }): QstashApi {
  async function send(method: string, path: string): Promise<Response> {
    try {
      return await fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${token}` },
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch {
      throw new Refusal(502, "The local QStash does not respond");
    }
  }
  async function act(method: string, path: string): Promise<boolean> {
    const response = await send(method, path);
    await response.body?.cancel();
    if (!response.ok && response.status !== 404) throw refused(response);
    return response.ok;
  }
  return {
    async list() {
      const found: CompleteDeadEvent[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < maxPages; page++) {
        const next = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const response = await send("GET", `/v2/dlq?count=100${next}`);
        const { data } = z.safeParse(Letters, await response.json().catch(() => undefined));
        if (!data) throw refused(response);
        found.push(...data.messages.flatMap(toDeadEvent));
        cursor = data.cursor;
        if (cursor === undefined) break;
      }
      return found;
    },
    replay: (id) => act("POST", `/v2/dlq/retry/${encodeURIComponent(id)}`),
    drop: (id) => act("DELETE", `/v2/dlq/${encodeURIComponent(id)}`),
  };
}

function refused({ status }: Response): Refusal {
  return new Refusal(502, `The local QStash returned ${status}`);
}

/** A dead letter of a failure callback is no event. */
function toDeadEvent(letter: z.output<typeof Letter>): CompleteDeadEvent[] {
  const { dlqId, url, body, responseStatus, responseBody } = letter;
  const [, consumer] = /\/events\/([a-z]+)$/.exec(url) ?? [];
  if (consumer === undefined) return [];
  const { data } = z.safeParse(Event, parseJson(body));
  const [, digits] = /^(\d{13})-/.exec(dlqId) ?? [];
  return [{
    id: dlqId,
    consumer,
    eventId: data?.id ?? null,
    type: data?.type ?? null,
    subject: data?.subject ?? null,
    traceId: /^\w{2}-([0-9a-f]{32})-/.exec(data?.traceparent ?? "")?.[1] ?? null,
    failedAt: digits === undefined ? null : Number(digits),
    status: responseStatus ?? null,
    poison: responseStatus === poisonStatus,
    event: body,
    answer: responseBody,
  }];
}

/** A dead letter as lists show it. */
export function toListed(
  { event: _event, answer: _answer, ...rest }: CompleteDeadEvent,
): DeadEvent {
  return rest;
}
