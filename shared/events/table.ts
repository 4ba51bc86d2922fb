import * as z from "zod/mini";

/** What is fixed about one type of event. */
export interface EventRow {
  /** URI-reference of the service that says it: `/` and the service's name. */
  readonly source: string;
  /** Counted up when the data changes in a way that its readers must know. */
  readonly version: number;
  /** What of the subject it tells: of one aspect only the newest event counts. `end` ends the subject. */
  readonly facet: string;
  /** Names of the services that hear it. */
  readonly consumers: readonly string[];
  /** What it carries, no more than its consumers keep. */
  readonly data: z.core.$ZodType;
}

/** Every type of event, by its name. */
export type EventTable = Readonly<Record<string, EventRow>>;

/** The aspect whose event ends its subject, whoever speaks of it later. */
export const endFacet = "end";

/** The types a service says. */
export type PublishedType<Table extends EventTable, Service extends string> =
  & {
    [Type in keyof Table]: Table[Type]["source"] extends `/${Service}` ? Type : never;
  }[keyof Table]
  & string;

/** The types a service hears. */
export type ConsumedType<Table extends EventTable, Service extends string> =
  & {
    [Type in keyof Table]: Service extends Table[Type]["consumers"][number] ? Type : never;
  }[keyof Table]
  & string;

/** The data of a type. */
export type DataOf<Table extends EventTable, Type extends keyof Table> = z.output<
  Table[Type]["data"]
>;

/** An event as a handler gets it: checked, of a subject that has not ended, and no older than others. */
export interface EventOf<Table extends EventTable, Type extends keyof Table> {
  /** UUIDv7 of the event; every delivery of it has the same. */
  readonly id: string;
  /** Its type. */
  readonly type: Type;
  /** Who said it. */
  readonly source: string;
  /** Id of what changed. */
  readonly subject: string;
  /** When it changed, epoch milliseconds. */
  readonly time: number;
  /** Rises with every event of this source about this subject. */
  readonly sequence: number;
  /** What the type carries. */
  readonly data: DataOf<Table, Type>;
}

/** The name of the data's schema (CloudEvents `dataschema`). */
export function toDataSchema(type: string, { version }: EventRow): string {
  return `urn:edgepass:event:${type}:${version}`;
}

/** The row of a type, or undefined where there is none; members of a prototype are no types. */
export function findRow(table: EventTable, type: string): EventRow | undefined {
  return Object.hasOwn(table, type) ? table[type] : undefined;
}
