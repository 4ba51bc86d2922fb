import { sql as text } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import * as z from "zod/mini";
import { currentContext } from "../context.ts";
import { uuidv7 } from "../ids.ts";
import { orm } from "../sql/orm.ts";
import type { SqlDb } from "../sql/statement.ts";
import { newTrace, toTraceparent } from "../trace_context.ts";
import { toCloudEvent } from "./cloud_event.ts";
import {
  type DataOf,
  type EventTable,
  findRow,
  type PublishedType,
  toDataSchema,
} from "./table.ts";

/** A statement for a batch of drizzle-orm. */
export type Change = BatchItem<"sqlite">;
/** Statements for a batch of drizzle-orm. */
export type Changes = readonly Change[];
/** Statements that can be a batch of their own. */
export type SomeChanges = readonly [Change, ...Change[]];

/** What a service has to say of a change. */
export interface Announcement<Table extends EventTable, Type extends keyof Table> {
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
    announcement: Announcement<Table, Type>,
    options?: { readonly ifChanged?: boolean },
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
}

/**
 * Makes the outbox of a service.
 *
 * An event gets its `sequence` inside the batch, so that the order of events about a subject is the
 * order in which their changes were committed, and its trace from the request that is being served.
 */
export function createOutbox<Table extends EventTable, const Service extends string>(
  { service, table, sql, now = Date.now }: OutboxOptions<Table, Service>,
): Outbox<Table, Service> {
  const db = orm(sql);
  const source = `/${service}`;
  return {
    add({ type, subject, data }, { ifChanged = false } = {}) {
      const row = findRow(table, type);
      if (row?.source !== source) throw new TypeError(`Cannot say ${type}: ${service} does not`);
      const { success, data: kept } = z.safeParse(row.data, data);
      if (!success) throw new TypeError(`Cannot say ${type}: its data does not fit the schema`);
      const time = now();
      const trace = currentContext()?.trace ?? newTrace();
      const id = uuidv7(time);
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
      const condition = text.raw(ifChanged ? "changes() > 0" : "1");
      return [
        db.run(text`INSERT INTO event_sequences (subject, sequence)
          SELECT ${subject}, 1 WHERE ${condition}
          ON CONFLICT (subject) DO UPDATE SET sequence = sequence + 1`),
        db.run(text`INSERT INTO outbox (id, subject, sequence, event, created_at)
          SELECT ${id}, subject, sequence,
            json_set(${event}, '$.sequence', printf('%020d', sequence)), ${time}
          FROM event_sequences WHERE subject = ${subject} AND ${condition}`),
      ];
    },
    erase: (subject) => [db.run(text`DELETE FROM outbox WHERE subject = ${subject}`)],
  };
}
