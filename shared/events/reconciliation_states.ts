import type { EventTable, PublishedType } from "./cloud_event.ts";
import type { EventInput } from "./outbox.ts";
import type { Row, SqlDb } from "../sql/statement.ts";

/** The event that a source would publish about a subject now. */
export interface State {
  /** Its id. */
  readonly subject: string;
  /** Type of the event. */
  readonly type: string;
  /** Data of the event. */
  readonly data: unknown;
  /** The subject's last sequence at its source; undefined if the source is an older version. */
  readonly sequence?: number | undefined;
}

/** A page of a list that is sorted by subject. */
export interface StatePage {
  /** The page starts after this subject; empty for the first page. */
  readonly after: string;
  /** Maximum number of subjects. */
  readonly limit: number;
}

/** A consumer's row about one subject. */
export interface Projected {
  /** Its id. */
  readonly subject: string;
}

/** A consumer's projection of one facet of another service's subjects, without deleted subjects. */
export interface Projection<One extends Projected = Projected> {
  /**
   * True if every subject of the source must exist here; false if only the needed ones are stored.
   */
  readonly whole: boolean;
  /** Rows sorted by subject; `until` is the last subject. */
  list(page: StatePage & { readonly until: string }): Promise<readonly One[]>;
  /** Whether the row matches the state of the source. */
  matches(state: State, row: One): boolean;
}

/** Subjects in which two lists differ. */
export interface Differences {
  /** How many subjects were in both lists. */
  readonly compared: number;
  /** The source has them, and the consumer should have them too. */
  readonly missing: readonly string[];
  /** Both have them, and they do not match. */
  readonly different: readonly string[];
  /** Orphans: the consumer has them, and the source does not. */
  readonly ghosts: readonly string[];
}

/** Differences between a consumer and a page of its source, in rows or in applied sequences. */
export interface Comparison extends Differences {
  /**
   * The consumer has applied a higher sequence than the source's: it would refuse the next event.
   */
  readonly behind: readonly string[];
  /** The source has them, and the consumer has a tombstone for them, which is final. */
  readonly ended: readonly string[];
  /** For all of these: the highest sequence that the consumer has applied. */
  readonly applied: Readonly<Record<string, number>>;
}

/** Merges two lists that are sorted by subject and have each subject once. */
export function compareStates<One extends Projected>(
  states: readonly State[],
  rows: readonly One[],
  { whole, matches }: Pick<Projection<One>, "whole" | "matches">,
): Differences {
  const [missing, different, ghosts]: [string[], string[], string[]] = [[], [], []];
  let [compared, at] = [0, 0];
  for (const state of states) {
    let one = rows[at];
    for (; one !== undefined && one.subject < state.subject; one = rows[++at]) {
      ghosts.push(one.subject);
    }
    if (one?.subject === state.subject) {
      compared++;
      at++;
      if (!matches(state, one)) different.push(state.subject);
    } else if (whole) missing.push(state.subject);
  }
  ghosts.push(...rows.slice(at).map(({ subject }) => subject));
  return { compared, missing, different, ghosts };
}

/** The current states of one facet of a service's subjects, sorted by subject in SQLite's order. */
export interface ReconciliationSource<Published extends State = State> {
  /** A page of states. */
  list(page: StatePage): Promise<readonly Published[]>;
  /** The states of these subjects; a subject that does not exist is left out. */
  find(subjects: readonly string[]): Promise<readonly Published[]>;
  /**
   * Type of the event that a subject is deleted; absent if another service publishes that event.
   */
  readonly ending?: Published["type"];
  /**
   * Deletes a subject that a restored database contains again, although consumers have a tombstone
   * for it: they would ignore every further event about it. Absent if another service owns the
   * subjects.
   */
  remove?(subject: string): Promise<unknown>;
}

/** Where a service registers its sources and projections. */
export interface FacetRegistry<Table extends EventTable, Service extends string> {
  /** Registers the source of a facet. @throws {TypeError} if the facet is registered */
  publishes(facet: string, source: ReconciliationSource<PublishedBy<Table, Service>>): void;
  /**
   * Registers the projection of another service's facet. @throws {TypeError} if it is registered
   */
  projects<One extends Projected>(source: string, facet: string, projection: Projection<One>): void;
}

/** The events that a service may publish. */
export type PublishedBy<Table extends EventTable, Service extends string> = {
  [Type in PublishedType<Table, Service>]: EventInput<Table, Type>;
}[PublishedType<Table, Service>];

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
  facets: FacetRegistry<Table, Service>,
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
