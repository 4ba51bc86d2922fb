import type { Row, SqlDb } from "../sql/statement.ts";
import type { Facets, PublishedBy, ReconciliationSource } from "./reconciliation.ts";
import type { State } from "./reconciliation_compare.ts";
import type { EventTable } from "./cloud_event.ts";

/** What a service publishes of one facet, read from its own tables. */
export interface PublishedRows<Event extends State> {
  /** A SELECT whose first column is named `id`: the subject. */
  readonly query: string;
  /** The event that publishes a row's state. */
  toEvent(row: Row): Event;
  /** Type of the event that deletes a subject; absent if another service publishes that event. */
  readonly ending?: Event["type"];
  /** Deletes a subject that must not exist any more, as its owner would. */
  remove?(id: string): Promise<void>;
}

/** What a service projects of one facet of another service. */
export interface ProjectedRows {
  /** The service that publishes the facet. */
  readonly source: string;
  /** The facet. */
  readonly facet: string;
  /** Whether every subject of the source must have a row. */
  readonly whole: boolean;
  /** A SELECT whose first column is named `id`: the subject. */
  readonly query: string;
  /** Whether a row is what the state says; without it only its existence counts. */
  matches?(state: State, row: Row): boolean;
}

/** A service's part of reconciliation, as queries of its own tables. */
export interface ReconciliationRows<Table extends EventTable, Service extends string> {
  /** By facet. */
  readonly publishes?: Readonly<Record<string, PublishedRows<PublishedBy<Table, Service>>>>;
  /** Its projections. */
  readonly projects?: readonly ProjectedRows[];
}

/** Registers a service's part of reconciliation. */
export function reconcileRows<Table extends EventTable, Service extends string>(
  facets: Pick<Facets<Table, Service>, "publishes" | "projects">,
  sql: SqlDb,
  { publishes = {}, projects = [] }: ReconciliationRows<Table, Service>,
): void {
  for (const [facet, published] of Object.entries(publishes)) {
    facets.publishes(facet, toSource(sql, published));
  }
  for (const { source, facet, whole, query, matches = () => true } of projects) {
    facets.projects(source, facet, {
      whole,
      list: async ({ after, until, limit }) =>
        (await sql.run({
          sql: `SELECT * FROM (${query}) AS one
            WHERE one.id > ? AND one.id <= ? ORDER BY one.id LIMIT ?`,
          params: [after, until, limit],
        })).map((row) => ({ subject: String(row[0]), row })),
      matches: (state, { row }) => matches(state, row),
    });
  }
}

function toSource<Event extends State>(
  sql: SqlDb,
  { query, toEvent, ending, remove }: PublishedRows<Event>,
): ReconciliationSource<Event> {
  const select = `SELECT * FROM (${query}) AS one WHERE`;
  return {
    ...(ending === undefined ? {} : { ending }),
    ...(remove ? { remove } : {}),
    list: async ({ after, limit }) =>
      (await sql.run({
        sql: `${select} one.id > ? ORDER BY one.id LIMIT ?`,
        params: [after, limit],
      })).map(toEvent),
    find: async (ids) =>
      (await sql.run({
        sql: `${select} one.id IN (SELECT value FROM json_each(?))`,
        params: [JSON.stringify(ids)],
      })).map(toEvent),
  };
}
