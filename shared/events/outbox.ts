import { sql as text } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import * as z from "zod/mini";
import { currentContext } from "../context.ts";
import { uuidv7 } from "../ids.ts";
import { type Orm, orm } from "../sql/orm.ts";
import type { SqlDb } from "../sql/statement.ts";
import { newTrace, toTraceparent } from "../trace_context.ts";
import { toCloudEvent } from "./cloud_event.ts";
import type { DeletionOf } from "./subject_stores.ts";
import {
  type DataOf,
  endFacet,
  type EventTable,
  findRow,
  type PublishedType,
  toDataSchema,
} from "./table.ts";
import { sequenceFloor } from "./sequence_floor.ts";

/** A statement for a batch of drizzle-orm. */
export type Change = BatchItem<"sqlite">;
/** Statements for a batch of drizzle-orm. */
export type Changes = readonly Change[];
/** Statements that can be a batch of their own. */
export type SomeChanges = readonly [Change, ...Change[]];

/** What a service has to say of a change. */
export interface EventInput<Table extends EventTable, Type extends keyof Table> {
  /** One of the service's own types. */
  readonly type: Type;
  /** Id of what changed. */
  readonly subject: string;
  /** Only what the schema names is kept. */
  readonly data: DataOf<Table, Type>;
}

/** Where a service puts events, in the batch of the change they tell. */
export interface Outbox<Table extends EventTable, Service extends string> {
  /**
   * The statements that store an event; they belong into the batch of its change.
   *
   * With `ifChanged` there is an event only if the statement before changed a row.
   *
   * @throws {TypeError} data that does not fit the type's schema, or a type of another service
   */
  add<Type extends PublishedType<Table, Service>>(
    eventInput: EventInput<Table, Type>,
    options?: { readonly ifChanged?: boolean },
  ): SomeChanges;
  /**
   * The same event for many subjects, each with its own id and sequence, in two statements however
   * many they are: a batch may end more than it may have statements. No subject may come twice.
   *
   * @throws {TypeError} as `add`
   */
  addEach<Type extends PublishedType<Table, Service>>(
    eventInput: Omit<EventInput<Table, Type>, "subject"> & {
      readonly subjects: readonly string[];
    },
  ): SomeChanges;
  /** The statements that forget what was said of a subject; for the batch that ends it, first. */
  erase(subject: string): SomeChanges;
}

/** What an outbox is made of. */
export interface OutboxOptions<Table extends EventTable, Service extends string> {
  /** The service's name; its events have the source `/<service>`. */
  readonly service: Service;
  /** Every type of event. */
  readonly table: Table;
  /** The service's own database. */
  readonly sql: SqlDb;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** What else goes with a subject whose end is said. */
  readonly deletionOf?: DeletionOf;
}

/**
 * Makes the outbox of a service.
 *
 * An event gets its `sequence` inside the batch, so that the order of events about a subject is the
 * order in which their changes were committed, and its trace from the request that is being served.
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
  };
}

/** An event before the database has given it its number. */
export interface Described {
  readonly id: string;
  readonly subject: string;
  /** The CloudEvent's JSON. */
  readonly event: string;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** Makes events of what a service announces, of the trace of the request that is being served. */
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
    if (row?.source !== source) throw new TypeError(`Cannot say ${type}: ${service} does not`);
    const { success, data: kept } = z.safeParse(row.data, data);
    if (!success) throw new TypeError(`Cannot say ${type}: its data does not fit the schema`);
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
      data: kept,
    });
    return { id, subject, event, time };
  };
}

/**
 * The statements that store many events, of as many subjects.
 *
 * With `after`, an event is stored only while its subject's last sequence is still that one: what was
 * read then is the truth until somebody says something newer.
 */
export function insertDescribed(
  db: Orm,
  events: readonly (Described & { readonly after?: number })[],
): SomeChanges {
  const said = JSON.stringify(events);
  const ids = JSON.stringify(events.map(({ id }) => id));
  return [
    db.run(text`INSERT INTO outbox (id, subject, sequence, event, created_at)
      SELECT id, subject, known + 1, json_set(event, '$.sequence', printf('%020d', known + 1)), time
      FROM (
        SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.subject') AS subject,
          json_extract(value, '$.event') AS event, json_extract(value, '$.time') AS time,
          json_extract(value, '$.after') AS after,
          coalesce((SELECT sequence FROM event_sequences
            WHERE event_sequences.subject = json_extract(value, '$.subject')), 0) AS last,
          max(${sequenceFloor}, coalesce((SELECT sequence FROM event_sequences
            WHERE event_sequences.subject = json_extract(value, '$.subject')), 0)) AS known
        FROM json_each(${said})
      ) WHERE after IS NULL OR after = last`),
    db.run(text`INSERT INTO event_sequences (subject, sequence)
      SELECT subject, sequence FROM outbox WHERE id IN (SELECT value FROM json_each(${ids}))
      ON CONFLICT (subject) DO UPDATE SET sequence = excluded.sequence`),
  ];
}
