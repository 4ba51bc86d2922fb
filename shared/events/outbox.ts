import { sql as text } from "drizzle-orm";
import * as z from "zod/mini";
import { currentContext } from "../context/request_context.ts";
import { uuidv7 } from "../sql/rows.ts";
import { type Orm, orm, type SomeChanges } from "../sql/store.ts";
import type { SqlDb } from "../sql/statement.ts";
import { newTrace, toTraceparent } from "../telemetry/trace_context.ts";
import {
  type DataOf,
  endFacet,
  type EventTable,
  findRow,
  type PublishedType,
  toCloudEvent,
  toDataSchema,
} from "./cloud_event.ts";
import { type DeletionOf, sequenceFloor } from "./sequences.ts";

/** An event as a service passes it to its outbox. */
export interface EventInput<Table extends EventTable, Type extends keyof Table> {
  /** One of the service's own types. */
  readonly type: Type;
  /** Id of what changed. */
  readonly subject: string;
  /** Fields that are not in the type's schema are dropped. */
  readonly data: DataOf<Table, Type>;
}

/** An event that a service has stored in its outbox, as its subject may read it. */
export interface PublishedEvent {
  /** Its type. */
  readonly type: string;
  /** Id of what changed. */
  readonly subject: string;
  /** RFC 3339. */
  readonly time: string;
  /** Whether QStash has received it; published events are deleted after some days. */
  readonly published: boolean;
  /** Data of the event. */
  readonly data: unknown;
}

/** The outbox of a service: events are stored in the batch of the change they report. */
export interface Outbox<Table extends EventTable, Service extends string> {
  /**
   * The statements that store an event. They belong in the batch of its change.
   *
   * With `ifChanged` the event is stored only if the statement before it changed a row.
   *
   * @throws {TypeError} data that does not fit the type's schema, or a type of another service
   */
  add<Type extends PublishedType<Table, Service>>(
    eventInput: EventInput<Table, Type>,
    options?: { readonly ifChanged?: boolean },
  ): SomeChanges;
  /**
   * The same event for many subjects, each with its own id and sequence. It takes two statements,
   * whatever the number of subjects, because the number of statements in a batch is limited. A
   * subject must not appear twice.
   *
   * @throws {TypeError} as `add`
   */
  addEach<Type extends PublishedType<Table, Service>>(
    eventInput: Omit<EventInput<Table, Type>, "subject"> & {
      readonly subjects: readonly string[];
    },
  ): SomeChanges;
  /** The statements that delete a subject's stored events; they go first in the deleting batch. */
  erase(subject: string): SomeChanges;
  /** The stored events of some subjects, the oldest first, for a person's export. */
  readPublished(subjects: readonly string[]): Promise<PublishedEvent[]>;
}

/** Options of {@link createOutbox}. */
export interface OutboxOptions<Table extends EventTable, Service extends string> {
  /** The service's name; its events have the source `/<service>`. */
  readonly service: Service;
  /** Every type of event. */
  readonly table: Table;
  /** The service's own database. */
  readonly sql: SqlDb;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Statements that delete other rows of a subject when its `end` event is stored. */
  readonly deletionOf?: DeletionOf;
}

/**
 * Creates the outbox of a service.
 *
 * An event gets its `sequence` inside the batch. So the events of a subject have the order in which
 * their changes were committed. The trace is that of the current request.
 */
export function createOutbox<Table extends EventTable, const Service extends string>(
  { service, table, sql, now = Date.now, deletionOf = () => [] }: OutboxOptions<Table, Service>,
): Outbox<Table, Service> {
  const db = orm(sql);
  const describe = createDescriber({ service, table, now });
  const ends = (type: string) => findRow(table, type)?.facet === endFacet;
  return {
    add(eventInput, { ifChanged = false } = {}) {
      const { id, subject, event, time } = describe(eventInput);
      const condition = text.raw(ifChanged ? "changes() > 0" : "1");
      return [
        db.run(text`INSERT INTO event_sequences (subject, sequence)
          SELECT ${subject}, ${sequenceFloor} + 1 WHERE ${condition}
          ON CONFLICT (subject) DO UPDATE SET sequence = max(sequence + 1, excluded.sequence)`),
        db.run(text`INSERT INTO outbox (id, subject, sequence, event, created_at)
          SELECT ${id}, subject, sequence,
            json_set(${event}, '$.sequence', printf('%020d', sequence)), ${time}
          FROM event_sequences WHERE subject = ${subject} AND ${condition}`),
        ...(ends(eventInput.type) && !ifChanged ? deletionOf(db, subject) : []),
      ];
    },
    addEach: ({ subjects, ...eventInput }) =>
      insertDescribed(db, subjects.map((subject) => describe({ ...eventInput, subject }))),
    erase: (subject) => [db.run(text`DELETE FROM outbox WHERE subject = ${subject}`)],
    readPublished: (subjects) => readPublished(sql, subjects),
  };
}

/** An event before the database assigns its sequence. */
export interface Described {
  readonly id: string;
  readonly subject: string;
  /** The CloudEvent's JSON. */
  readonly event: string;
  /** Epoch milliseconds. */
  readonly time: number;
}

/**
 * Creates the function that turns a service's event inputs into CloudEvents of the current trace.
 */
export function createDescriber(
  { service, table, now }: {
    readonly service: string;
    readonly table: EventTable;
    readonly now: () => number;
  },
): (eventInput: EventInput<EventTable, string>) => Described {
  const source = `/${service}`;
  return function describe({ type, subject, data }) {
    const row = findRow(table, type);
    if (row?.source !== source) {
      throw new TypeError(`Cannot publish ${type}: it is not a type of ${service}`);
    }
    const { success, data: parsed } = z.safeParse(row.data, data);
    if (!success) throw new TypeError(`Cannot publish ${type}: its data does not fit the schema`);
    const time = now();
    const id = uuidv7(time);
    const trace = currentContext()?.trace ?? newTrace();
    const event = toCloudEvent({
      id,
      source,
      type,
      subject,
      time,
      dataschema: toDataSchema(type, row),
      traceparent: toTraceparent(trace),
      data: parsed,
    });
    return { id, subject, event, time };
  };
}

/**
 * The statements that store many events, of as many subjects.
 *
 * With `after`, an event is stored only while its subject's last sequence still has that value.
 * Otherwise a newer event exists, and the state that was read before must not overwrite it.
 */
export function insertDescribed(
  db: Orm,
  events: readonly (Described & { readonly after?: number })[],
): SomeChanges {
  const rows = JSON.stringify(events);
  const ids = JSON.stringify(events.map(({ id }) => id));
  return [
    db.run(text`INSERT INTO outbox (id, subject, sequence, event, created_at)
      SELECT id, subject, base + 1, json_set(event, '$.sequence', printf('%020d', base + 1)), time
      FROM (
        SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.subject') AS subject,
          json_extract(value, '$.event') AS event, json_extract(value, '$.time') AS time,
          json_extract(value, '$.after') AS after,
          coalesce((SELECT sequence FROM event_sequences
            WHERE event_sequences.subject = json_extract(value, '$.subject')), 0) AS last,
          max(${sequenceFloor}, coalesce((SELECT sequence FROM event_sequences
            WHERE event_sequences.subject = json_extract(value, '$.subject')), 0)) AS base
        FROM json_each(${rows})
      ) WHERE after IS NULL OR after = last`),
    db.run(text`INSERT INTO event_sequences (subject, sequence)
      SELECT subject, sequence FROM outbox WHERE id IN (SELECT value FROM json_each(${ids}))
      ON CONFLICT (subject) DO UPDATE SET sequence = excluded.sequence`),
  ];
}

const Published = z.object({
  type: z.string(),
  subject: z.string(),
  time: z.string(),
  data: z.unknown(),
});

async function readPublished(
  sql: SqlDb,
  subjects: readonly string[],
): Promise<PublishedEvent[]> {
  const rows = await sql.run({
    sql: `SELECT event, published_at IS NOT NULL FROM outbox
      WHERE subject IN (SELECT value FROM json_each(?)) ORDER BY rowid`,
    params: [JSON.stringify(subjects)],
  });
  return rows.map(([event, published]) => ({
    ...z.parse(Published, JSON.parse(String(event))),
    published: published === 1,
  }));
}
