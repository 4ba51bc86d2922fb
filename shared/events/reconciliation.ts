import type { Logger } from "../log.ts";
import { orm } from "../sql/orm.ts";
import type { SqlDb } from "../sql/statement.ts";
import { createDescriber, type EventInput, insertDescribed } from "./outbox.ts";
import { raiseSequenceFloor, readSequenceFloor } from "./sequence_floor.ts";
import { readAppliedSequences, readEnded, readSequences } from "./sequences.ts";
import {
  compareStates,
  type Comparison,
  type Projected,
  type Projection,
  type State,
  type StatePage,
} from "./reconciliation_compare.ts";
import type { EventTable, PublishedType } from "./table.ts";

/** One aspect of a service's subjects, as it is now. Lists are sorted by subject, as SQLite sorts. */
export interface ReconciliationSource<Published extends State = State> {
  /** A page of them. */
  list(page: StatePage): Promise<readonly Published[]>;
  /** Those of these subjects that there are. */
  find(subjects: readonly string[]): Promise<readonly Published[]>;
  /** Says that a subject is no more; without one the end is another service's to tell. */
  readonly ending?: Published["type"];
  /**
   * Deletes a subject that a restored database has again although consumers know that it has ended:
   * they would believe nothing of it any more. Absent where the subjects are another service's.
   */
  remove?(subject: string): Promise<unknown>;
}

/** Behind every subject: they are visible ASCII. */
const lastSubject = "\u007f";
const pageSize = 500;

/** A page of a source's list, and which subjects it covers. */
export interface StatesToCompare {
  /** The subject before its first; empty on the first page. */
  readonly after: string;
  /** The last subject it covers; null on the last page. */
  readonly until: string | null;
  /** As the source lists them. */
  readonly states: readonly State[];
}

/** What a service can say and keeps, by aspect. */
export interface StatesDescription {
  /**
   * Of its own; `ends` where it tells that a subject is no more, `removes` where it can delete what
   * has ended elsewhere.
   */
  readonly publishes: readonly {
    readonly facet: string;
    readonly ends: boolean;
    readonly removes: boolean;
  }[];
  /** Of others; `whole` where every subject of the source has to be there. */
  readonly projects: readonly {
    readonly source: string;
    readonly facet: string;
    readonly whole: boolean;
  }[];
}

/** What reconciliation asks of a service; undefined for an aspect that it does not have. */
export interface StatesEndpoint {
  /** What there is to be compared. */
  describe(): StatesDescription;
  /** A page of an aspect of its own. */
  list(facet: string, page: StatePage): Promise<readonly State[] | undefined>;
  /** Compares a page of a source with what is kept of it. */
  compare(
    kept: { readonly source: string; readonly facet: string },
    page: StatesToCompare,
  ): Promise<Comparison | undefined>;
  /**
   * Says the present state of subjects again, or that they are no more, as ordinary events, and how
   * many those are.
   *
   * What changes meanwhile is said by its own change, so no older state is ever told as the newest.
   * `applied` is what consumers have: a database that was restored jumps past it.
   */
  say(
    facet: string,
    subjects: readonly string[],
    applied?: Readonly<Record<string, number>>,
  ): Promise<number | undefined>;
  /** Deletes subjects that have ended elsewhere, and says how many those are. */
  remove(facet: string, subjects: readonly string[]): Promise<number | undefined>;
}

/** The states of a service, and where it registers them. */
export interface States<Table extends EventTable, Service extends string> {
  /** What reconciliation asks. */
  readonly endpoint: StatesEndpoint;
  /** Names the source of an aspect. @throws {TypeError} for an aspect that is there */
  publishes(facet: string, source: ReconciliationSource<PublishedBy<Table, Service>>): void;
  /** Names what is kept of another service's aspect. @throws {TypeError} for one that is there */
  projects<One extends Projected>(source: string, facet: string, projection: Projection<One>): void;
}

/** What a service may say. */
export type PublishedBy<Table extends EventTable, Service extends string> = {
  [Type in PublishedType<Table, Service>]: EventInput<Table, Type>;
}[PublishedType<Table, Service>];

/** Keeps what a service can say and what it keeps of others, for reconciliation. */
export function createStates<Table extends EventTable, Service extends string>(
  { service, table, sql, log, now }: {
    readonly service: Service;
    readonly table: Table;
    readonly sql: SqlDb;
    readonly log: Logger;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): States<Table, Service> {
  const sources = new Map<string, ReconciliationSource>();
  const projections = new Map<string, { source: string; facet: string; kept: Projection }>();
  const add = <Value>(map: Map<string, Value>, key: string, value: Value) => {
    if (map.has(key)) throw new TypeError(`Cannot reconcile ${key} twice`);
    map.set(key, value);
  };
  const describe = createDescriber({ service, table, now });
  return {
    publishes: (facet, source) => add(sources, facet, source),
    projects: (source, facet, projection) =>
      add(projections, `${source} ${facet}`, { source, facet, kept: toProjection(projection) }),
    endpoint: {
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
          ({ source, facet, kept: { whole } }) => ({ source, facet, whole }),
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
      async say(facet, subjects, applied = {}) {
        const source = sources.get(facet);
        if (!source) return undefined;
        await jumpPast({ sql, log, now }, subjects, applied);
        return await publishAgain({ sql, describe, source, subjects });
      },
      async remove(facet, subjects) {
        const remove = sources.get(facet)?.remove;
        if (!remove) return undefined;
        for (const subject of subjects) await remove(subject);
        return subjects.length;
      },
    },
  };
}

/** A projection is only ever asked about rows that it has listed itself. */
function toProjection<One extends Projected>(projection: Projection<One>): Projection {
  return projection as unknown as Projection;
}

/** What a source lists, with how far the events of each subject have come. */
async function withSequences(sql: SqlDb, states: readonly State[]): Promise<State[]> {
  const sequences = await readSequences(sql, states.map(({ subject }) => subject));
  const floor = await readSequenceFloor(sql);
  return states.map((state) => ({
    ...state,
    sequence: Math.max(floor, sequences.get(state.subject) ?? 0),
  }));
}

/** Compares a page of a source's list with all that is kept between its ends. */
async function comparePage(
  sql: SqlDb,
  { source, kept: projection }: { readonly source: string; readonly kept: Projection },
  page: StatesToCompare,
): Promise<Comparison> {
  const kept = await readKept(projection, page);
  const subjects = page.states.map(({ subject }) => subject);
  const ended = await readEnded(sql, subjects);
  const states = page.states.filter(({ subject }) => !ended.has(subject));
  const found = compareStates(states, kept, projection);
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

async function readKept(
  projection: Projection,
  { after, until }: Pick<StatesToCompare, "after" | "until">,
): Promise<Projected[]> {
  const kept: Projected[] = [];
  for (let from = after;;) {
    const page = await projection.list({
      after: from,
      until: until ?? lastSubject,
      limit: pageSize,
    });
    kept.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return kept;
    from = last.subject;
  }
}

/** A consumer that is ahead has heard of a time that this database does not remember. */
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
    const theirs = applied[subject] ?? 0;
    return theirs > Math.max(floor, sequences.get(subject) ?? 0) ? [theirs] : [];
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
  const wanted = [...new Set(subjects)];
  // Before the states: whatever changes after this has a sequence of its own, and is left alone.
  const sequences = await readSequences(sql, wanted);
  const states = new Map((await source.find(wanted)).map((state) => [state.subject, state]));
  const { ending: type } = source;
  const events = wanted.flatMap((subject) => {
    const state = states.get(subject) ?? (type && { type, subject, data: {} });
    return state ? [{ ...describe(state), after: sequences.get(subject) ?? 0 }] : [];
  });
  if (events.length > 0) await orm(sql).batch(toBatch(insertDescribed(orm(sql), events)));
  return events.length;
}

/** Drizzle's type of a batch may be written to. */
function toBatch<Item>([first, ...others]: readonly [Item, ...Item[]]): [Item, ...Item[]] {
  return [first, ...others];
}
