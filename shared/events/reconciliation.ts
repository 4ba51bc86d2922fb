import type { Logger } from "../log.ts";
import { orm } from "../sql/store.ts";
import type { SqlDb } from "../sql/statement.ts";
import { createDescriber, insertDescribed } from "./outbox.ts";
import {
  raiseSequenceFloor,
  readAppliedSequences,
  readEnded,
  readSequenceFloor,
  readSequences,
} from "./sequences.ts";
import {
  compareStates,
  type Comparison,
  type FacetRegistry,
  type Projected,
  type Projection,
  type ReconciliationSource,
  type State,
  type StatePage,
} from "./reconciliation_states.ts";
import type { EventTable } from "./cloud_event.ts";

/** Sorts after every subject, because subjects are visible ASCII. */
const lastSubject = "\u007f";
const pageSize = 500;

/** A page of a source's list, and the range of subjects that it covers. */
export interface ReconciliationPage {
  /** The subject before its first; empty on the first page. */
  readonly after: string;
  /** The last subject it covers; null on the last page. */
  readonly until: string | null;
  /** The states as the source lists them. */
  readonly states: readonly State[];
}

/** The facets that a service publishes and projects. */
export interface ReconciliationDescription {
  /**
   * Its own facets. `ends`: it publishes the deletion of a subject. `removes`: it can delete
   * subjects that consumers have deleted.
   */
  readonly publishes: readonly {
    readonly facet: string;
    readonly ends: boolean;
    readonly removes: boolean;
  }[];
  /** Facets of other services. `whole`: every subject of the source must exist here. */
  readonly projects: readonly {
    readonly source: string;
    readonly facet: string;
    readonly whole: boolean;
  }[];
}

/** The operations that reconciliation calls; they return undefined for an unknown facet. */
export interface ReconciliationEndpoint {
  /** The facets that can be compared. */
  describe(): ReconciliationDescription;
  /** A page of one of its own facets. */
  list(facet: string, page: StatePage): Promise<readonly State[] | undefined>;
  /** Compares a page of a source with the projection of it. */
  compare(
    projection: { readonly source: string; readonly facet: string },
    page: ReconciliationPage,
  ): Promise<Comparison | undefined>;
  /**
   * Publishes the current state of subjects again, or their deletion, as ordinary events. Returns
   * the number of events.
   *
   * A concurrent change publishes its own event, so an older state is never published as the
   * newest. `applied` has the sequences that consumers have applied: a restored database continues
   * after them.
   */
  publish(
    facet: string,
    subjects: readonly string[],
    applied?: Readonly<Record<string, number>>,
  ): Promise<number | undefined>;
  /** Deletes subjects that consumers have deleted, and returns how many. */
  remove(facet: string, subjects: readonly string[]): Promise<number | undefined>;
}

/** The registry of a service's sources and projections. */
export interface Facets<Table extends EventTable, Service extends string>
  extends FacetRegistry<Table, Service> {
  /** The operations that reconciliation calls. */
  readonly endpoint: ReconciliationEndpoint;
}

/** Creates the registry of the facets that a service publishes and projects, for reconciliation. */
export function createReconciliation<Table extends EventTable, Service extends string>(
  { service, table, sql, log, now }: {
    readonly service: Service;
    readonly table: Table;
    readonly sql: SqlDb;
    readonly log: Logger;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): Facets<Table, Service> {
  const sources = new Map<string, ReconciliationSource>();
  const projections = new Map<string, RegisteredProjection>();
  const add = <Value>(map: Map<string, Value>, key: string, value: Value) => {
    if (map.has(key)) throw new TypeError(`Cannot reconcile ${key} twice`);
    map.set(key, value);
  };
  const describe = createDescriber({ service, table, now });
  return {
    publishes: (facet, source) => add(sources, facet, source),
    projects: (source, facet, projection) =>
      add(projections, `${source} ${facet}`, {
        source,
        facet,
        projection: projection,
      }),
    endpoint: createEndpoint({ sources, projections, describe, sql, log, now }),
  };
}

interface RegisteredProjection {
  readonly source: string;
  readonly facet: string;
  readonly projection: Projection;
}

function createEndpoint({ sources, projections, describe, ...deps }: {
  readonly sources: ReadonlyMap<string, ReconciliationSource>;
  readonly projections: ReadonlyMap<string, RegisteredProjection>;
  readonly describe: ReturnType<typeof createDescriber>;
  readonly sql: SqlDb;
  readonly log: Logger;
  readonly now: () => number;
}): ReconciliationEndpoint {
  const { sql } = deps;
  return {
    describe: () => ({
      publishes: Array.from(
        sources,
        ([facet, { ending, remove }]) => ({
          facet,
          ends: ending !== undefined,
          removes: remove !== undefined,
        }),
      ),
      projects: Array.from(
        projections.values(),
        ({ source, facet, projection: { whole } }) => ({ source, facet, whole }),
      ),
    }),
    async list(facet, page) {
      const states = await sources.get(facet)?.list(page);
      return states && await withSequences(sql, states);
    },
    async compare({ source, facet }, page) {
      const found = projections.get(`${source} ${facet}`);
      return found && await comparePage(sql, found, page);
    },
    async publish(facet, subjects, applied = {}) {
      const source = sources.get(facet);
      if (!source) return undefined;
      await jumpPast(deps, subjects, applied);
      return await publishAgain({ sql, describe, source, subjects });
    },
    async remove(facet, subjects) {
      const remove = sources.get(facet)?.remove;
      if (!remove) return undefined;
      for (const subject of subjects) await remove(subject);
      return subjects.length;
    },
  };
}

/** The states of a source, each with the last sequence of its subject. */
async function withSequences(sql: SqlDb, states: readonly State[]): Promise<State[]> {
  const sequences = await readSequences(sql, states.map(({ subject }) => subject));
  const floor = await readSequenceFloor(sql);
  return states.map((state) => ({
    ...state,
    sequence: Math.max(floor, sequences.get(state.subject) ?? 0),
  }));
}

/** Compares a page of a source's list with the projected rows of the same range. */
async function comparePage(
  sql: SqlDb,
  { source, projection }: { readonly source: string; readonly projection: Projection },
  page: ReconciliationPage,
): Promise<Comparison> {
  const rows = await readProjected(projection, page);
  const subjects = page.states.map(({ subject }) => subject);
  const ended = await readEnded(sql, subjects);
  const states = page.states.filter(({ subject }) => !ended.has(subject));
  const found = compareStates(states, rows, projection);
  const applied = await readAppliedSequences(sql, source, [...subjects, ...found.ghosts]);
  const behind = states.filter(({ subject, sequence }) =>
    sequence !== undefined && sequence < (applied.get(subject) ?? 0)
  ).map(({ subject }) => subject);
  const wrong = new Set([...found.missing, ...found.different, ...found.ghosts, ...behind]);
  return {
    ...found,
    behind,
    ended: [...ended],
    applied: Object.fromEntries([...applied].filter(([subject]) => wrong.has(subject))),
  };
}

async function readProjected(
  projection: Projection,
  { after, until }: Pick<ReconciliationPage, "after" | "until">,
): Promise<Projected[]> {
  const rows: Projected[] = [];
  for (let from = after;;) {
    const page = await projection.list({
      after: from,
      until: until ?? lastSubject,
      limit: pageSize,
    });
    rows.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return rows;
    from = last.subject;
  }
}

/**
 * A consumer that is ahead has applied events that this restored database has lost. New events must
 * have higher sequences, or that consumer refuses them as stale.
 */
async function jumpPast(
  { sql, log, now }: {
    readonly sql: SqlDb;
    readonly log: Logger;
    readonly now: () => number;
  },
  subjects: readonly string[],
  applied: Readonly<Record<string, number>>,
): Promise<void> {
  const sequences = await readSequences(sql, subjects);
  const floor = await readSequenceFloor(sql);
  const ahead = subjects.flatMap((subject) => {
    const consumerSequence = applied[subject] ?? 0;
    return consumerSequence > Math.max(floor, sequences.get(subject) ?? 0)
      ? [consumerSequence]
      : [];
  });
  if (ahead.length === 0) return;
  await raiseSequenceFloor(sql, Math.max(now(), ...ahead));
  log.error("Event sequence went back: consumers have newer events", { subjects: ahead.length });
}

async function publishAgain(
  { sql, describe, source, subjects }: {
    sql: SqlDb;
    describe: ReturnType<typeof createDescriber>;
    source: ReconciliationSource;
    subjects: readonly string[];
  },
): Promise<number> {
  const distinct = [...new Set(subjects)];
  // Read before the states: a later change raises the sequence, and its event is not overwritten.
  const sequences = await readSequences(sql, distinct);
  const states = new Map((await source.find(distinct)).map((state) => [state.subject, state]));
  const { ending: type } = source;
  const events = distinct.flatMap((subject) => {
    const state = states.get(subject) ?? (type && { type, subject, data: {} });
    return state ? [{ ...describe(state), after: sequences.get(subject) ?? 0 }] : [];
  });
  if (events.length > 0) await orm(sql).batch(toBatch(insertDescribed(orm(sql), events)));
  return events.length;
}

/** Drizzle's batch type is a mutable tuple. */
function toBatch<Item>([first, ...others]: readonly [Item, ...Item[]]): [Item, ...Item[]] {
  return [first, ...others];
}
