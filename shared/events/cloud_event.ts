import * as z from "zod/mini";
import { readJsonObject } from "../crypto/encoding.ts";
import type { Changes } from "../sql/store.ts";
import { readTraceparent, type TraceContext } from "../telemetry/trace_context.ts";

/** Media type of a CloudEvent in structured mode (CloudEvents JSON format §3). */
export const cloudEventMediaType = "application/cloudevents+json";

/** Ids and subjects: visible ASCII without spaces, so that no store or log changes them. */
const name = z.string().check(z.regex(/^[\x21-\x7e]{1,200}$/));

/** CloudEvents 1.0, with the extensions `traceparent` and `sequence`. */
const CloudEvent = z.object({
  specversion: z.literal("1.0"),
  id: name,
  source: name,
  type: name,
  subject: name,
  time: z.iso.datetime({ offset: true }),
  datacontenttype: z.literal("application/json"),
  dataschema: z.string(),
  traceparent: z.string().check(z.refine((text) => readTraceparent(text) !== undefined)),
  sequence: z.string().check(
    z.regex(/^\d{20}$/),
    z.refine((digits) => Number.isSafeInteger(Number(digits)) && Number(digits) > 0),
  ),
  data: z.unknown(),
});

/** A valid event: its type is in the table and its data fits the schema of that type. */
export interface ReadEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly sequence: number;
  readonly facet: string;
  readonly data: unknown;
  /** Trace of the request that caused the event. */
  readonly trace: TraceContext;
}

/** Why a message is not a valid event; `type` is present if the table has that type. */
export interface Unreadable {
  readonly reason: string;
  readonly type?: string;
  readonly trace?: TraceContext;
}

/**
 * Reads an event, or returns the reason why the message can never become one.
 *
 * Unknown members are dropped: a publisher may add fields before its consumers are updated.
 */
export function readEvent(
  body: ArrayBuffer,
  table: EventTable,
): { readonly event: ReadEvent } | { readonly unreadable: Unreadable } {
  const json = readJsonObject(new Uint8Array(body));
  if (!json) return { unreadable: { reason: "is not JSON" } };
  const { success, data: attributes } = z.safeParse(CloudEvent, json);
  if (!success) return { unreadable: { reason: "is not a CloudEvent of ours" } };
  const { type, source, subject, id, time, sequence, dataschema, data, traceparent } = attributes;
  const trace = readTraceparent(traceparent);
  const row = findRow(table, type);
  if (!row || !trace) return { unreadable: { reason: "has an unknown type" } };
  const identified = { type, trace };
  if (row.source !== source) return { unreadable: { ...identified, reason: "has another source" } };
  if (toDataSchema(type, row) !== dataschema) {
    return { unreadable: { ...identified, reason: "has another version" } };
  }
  const parsed = z.safeParse(row.data, data);
  if (!parsed.success) {
    return { unreadable: { ...identified, reason: "has data that does not fit" } };
  }
  return {
    event: {
      id,
      source,
      type,
      subject,
      time: Date.parse(time),
      sequence: Number(sequence),
      facet: row.facet,
      data: parsed.data,
      trace,
    },
  };
}

/** The members of an event before the database assigns its sequence. */
export interface NewEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly dataschema: string;
  readonly traceparent: string;
  readonly data: unknown;
}

/** The JSON of an event; the database adds its `sequence`. */
export function toCloudEvent({ time, data, ...event }: NewEvent): string {
  return JSON.stringify({
    specversion: "1.0",
    ...event,
    time: new Date(time).toISOString(),
    datacontenttype: "application/json",
    data,
  });
}

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

/**
 * The types of event that one service publishes; source and consumers follow from the services.
 * `means` says in the docs what has happened: a clause without a full stop.
 */
export type PublishedTypes = Readonly<
  Record<string, Omit<EventRow, "source" | "consumers"> & { readonly means: string }>
>;

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

/** The handlers of events, by type: each returns the statements of its effect. */
export type EventHandlers<Table extends EventTable> = {
  readonly [Type in keyof Table & string]?: (
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
