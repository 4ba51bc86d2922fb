import { eventTypes } from "@edgepass/contracts";
import { isObject, type Json, objectAt } from "../support/json.ts";
import { type AuditRow, readAudit } from "./audit.ts";
import { audited, forEach, type ServiceName, services } from "./system.ts";

/** An event as its source committed it. */
export interface PublishedEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly sequence: number;
  readonly facet: string;
  readonly consumers: readonly string[];
  readonly data: Json;
}

/** All published and consumed events. */
export interface History {
  readonly audits: Readonly<Record<ServiceName, readonly AuditRow[]>>;
  readonly published: readonly PublishedEvent[];
  /** By id. */
  readonly byId: ReadonlyMap<string, PublishedEvent>;
  /** The newest event of a subject's facet. */
  newest(source: string, subject: string, facet: string): PublishedEvent | undefined;
  /** Whether a service's inbox has an event. */
  hasConsumed(service: ServiceName, id: string): boolean;
}

/** Reads the audit rows of all databases. */
export function readHistory(databases: Readonly<Record<ServiceName, string>>): History {
  const audits = forEach(
    services,
    (name) => audited.includes(name) ? readAudit(databases[name]) : [],
  );
  const published = services.flatMap((name) => audits[name])
    .flatMap((row) => row.what === "published" ? [toPublished(row.id, row.event)] : []);
  const newest = new Map<string, PublishedEvent>();
  for (const event of published) {
    const key = facetKey(event);
    if ((newest.get(key)?.sequence ?? 0) < event.sequence) newest.set(key, event);
  }
  const consumed = forEach(
    services,
    (name) => new Set(audits[name].flatMap((row) => row.what === "consumed" ? [row.id] : [])),
  );
  return {
    audits,
    published,
    byId: new Map(published.map((event) => [event.id, event])),
    newest: (source, subject, facet) => newest.get(facetKey({ source, subject, facet })),
    hasConsumed: (service, id) => consumed[service].has(id),
  };
}

const types: Readonly<Record<string, { facet: string; consumers: readonly string[] }>> = eventTypes;

/** Whether this event type exists. */
export function isEventType(type: string): boolean {
  return types[type] !== undefined;
}

/** The key of a subject's facet from one source. */
export function facetKey(
  { source, subject, facet }: { source: string; subject: string; facet: string },
): string {
  return `${source} ${subject} ${facet}`;
}

function toPublished(id: string, text: string): PublishedEvent {
  const event: unknown = JSON.parse(text);
  if (!isObject(event)) throw new TypeError("Cannot read an event of an outbox");
  const type = String(event.type);
  const row = types[type];
  if (!row) throw new TypeError(`Cannot read an event: there is no type ${type}`);
  return {
    id,
    source: String(event.source),
    type,
    subject: String(event.subject),
    sequence: Number(event.sequence),
    facet: row.facet,
    consumers: row.consumers,
    data: objectAt(event, "data"),
  };
}
