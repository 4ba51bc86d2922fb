import * as z from "zod/mini";
import type { Changes } from "../sql/orm.ts";

/** Definition of one event type. */
export interface EventRow {
  /** URI-reference of the publishing service: `/` and the service's name. */
  readonly source: string;
  /** Raised when the data changes incompatibly for its consumers. */
  readonly version: number;
  /**
   * Facet of the subject: of each facet only the newest event counts. `end` deletes the subject.
   */
  readonly facet: string;
  /** Names of the services that consume it. */
  readonly consumers: readonly string[];
  /** Schema of its data, which holds only fields that consumers store. */
  readonly data: z.core.$ZodType;
}

/** The types of event that one service publishes; source and consumers follow from the services. */
export type PublishedTypes = Readonly<Record<string, Omit<EventRow, "source" | "consumers">>>;

/** Every type of event, by its name. */
export type EventTable = Readonly<Record<string, EventRow>>;

/** The facet whose event deletes its subject: later events of any source have no effect. */
export const endFacet = "end";

/** The types that a service publishes. */
export type PublishedType<Table extends EventTable, Service extends string> =
  & {
    [Type in keyof Table]: Table[Type]["source"] extends `/${Service}` ? Type : never;
  }[keyof Table]
  & string;

/** The types that a service consumes. */
export type ConsumedType<Table extends EventTable, Service extends string> =
  & {
    [Type in keyof Table]: Service extends Table[Type]["consumers"][number] ? Type : never;
  }[keyof Table]
  & string;

/** The data of a type. */
export type DataOf<Table extends EventTable, Type extends keyof Table> = z.output<
  Table[Type]["data"]
>;

/**
 * An event as a handler gets it: validated, its subject not deleted, and the newest of its facet.
 */
export interface EventOf<Table extends EventTable, Type extends keyof Table> {
  /** UUIDv7 of the event; every delivery of it has the same. */
  readonly id: string;
  /** Its type. */
  readonly type: Type;
  /** Its publisher, `/<service>`. */
  readonly source: string;
  /** Id of what changed. */
  readonly subject: string;
  /** When it changed, epoch milliseconds. */
  readonly time: number;
  /** Rises with every event of this source about this subject. */
  readonly sequence: number;
  /** Data as the type's schema defines it. */
  readonly data: DataOf<Table, Type>;
}

/** The handlers of other services' events: each returns the statements of its effect. */
export type EventHandlers<Table extends EventTable, Service extends string> = {
  readonly [Type in Exclude<keyof Table & string, PublishedType<Table, Service>>]?: (
    event: EventOf<Table, Type>,
  ) => Changes | Promise<Changes>;
};

/** The name of the data's schema (CloudEvents `dataschema`). */
export function toDataSchema(type: string, { version }: EventRow): string {
  return `urn:edgepass:event:${type}:${version}`;
}

/** The row of a type, or undefined if there is none; `toString` and the like are not types. */
export function findRow(table: EventTable, type: string): EventRow | undefined {
  return Object.hasOwn(table, type) ? table[type] : undefined;
}
