import { eventTypes } from "@edgepass/contracts";
import { isObject, type Json, objectAt } from "../support/json.ts";
import { type AuditRow, readAudit } from "./audit.ts";
import { forEach, type ServiceName, services } from "./system.ts";

/** An event as its source committed it. */
export interface Said {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly sequence: number;
  readonly facet: string;
  readonly consumers: readonly string[];
  readonly data: Json;
}

/** All that was said and heard. */
export interface History {
  readonly audits: Readonly<Record<ServiceName, readonly AuditRow[]>>;
  readonly said: readonly Said[];
  /** By id. */
  readonly byId: ReadonlyMap<string, Said>;
  /** The newest of an aspect of a subject. */
  newest(source: string, subject: string, facet: string): Said | undefined;
  /** Whether a service has noted an event. */
  hasHeard(service: ServiceName, id: string): boolean;
}

/** Reads what the databases recorded. */
export function readHistory(databases: Readonly<Record<ServiceName, string>>): History {
  const audits = forEach(services, (name) => readAudit(databases[name]));
  const said = services.flatMap((name) => audits[name])
    .flatMap((row) => row.what === "said" ? [toPublished(row.id, row.event)] : []);
  const newest = new Map<string, Said>();
  for (const event of said) {
    const key = facetKey(event);
    if ((newest.get(key)?.sequence ?? 0) < event.sequence) newest.set(key, event);
  }
  const heard = forEach(
    services,
    (name) => new Set(audits[name].flatMap((row) => row.what === "heard" ? [row.id] : [])),
  );
  return {
    audits,
    said,
    byId: new Map(said.map((event) => [event.id, event])),
    newest: (source, subject, facet) => newest.get(facetKey({ source, subject, facet })),
    hasHeard: (service, id) => heard[service].has(id),
  };
}

const types: Readonly<Record<string, { facet: string; consumers: readonly string[] }>> = eventTypes;

/** Whether there is such a type of event. */
export function isTold(type: string): boolean {
  return types[type] !== undefined;
}

/** Names an aspect of a subject as one source tells it. */
export function facetKey(
  { source, subject, facet }: { source: string; subject: string; facet: string },
): string {
  return `${source} ${subject} ${facet}`;
}

function toPublished(id: string, text: string): Said {
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
