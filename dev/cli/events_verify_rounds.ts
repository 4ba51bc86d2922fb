import * as z from "zod/mini";
import { serviceNames } from "../workspace/settings.ts";

/** Calls the admin API of one service's events. */
export type CallEvents = (
  method: string,
  service: string,
  path: string,
  body?: unknown,
) => Promise<unknown>;

const State = z.object({
  subject: z.string(),
  type: z.string(),
  data: z.unknown(),
  sequence: z.optional(z.number()),
});
const Described = z.object({
  says: z.array(z.object({
    aspect: z.string(),
    ends: z.boolean(),
    removes: z._default(z.boolean(), false),
  })),
  keeps: z.array(z.object({ source: z.string(), aspect: z.string(), whole: z.boolean() })),
});
const Listed = z.object({ items: z.array(State) });
const Subjects = z.array(z.string());
const Compared = z.object({
  compared: z.number(),
  missing: Subjects,
  different: Subjects,
  ghosts: Subjects,
  behind: z._default(Subjects, []),
  ended: z._default(Subjects, []),
  applied: z._default(z.record(z.string(), z.number()), {}),
});
const Outbox = z.object({ waiting: z.number() });

/** One facet of a source, as one consumer projects it. */
export interface Pair {
  readonly source: string;
  readonly consumer: string;
  readonly facet: string;
  /** Whether the source publishes that a subject was deleted. */
  readonly ends: boolean;
  /** Whether the source can delete what was deleted elsewhere. */
  readonly removes: boolean;
}

/** What was found of a pair. */
export interface Finding extends Pair {
  readonly compared: number;
  readonly missing: readonly string[];
  readonly different: readonly string[];
  readonly ghosts: readonly string[];
  /** The consumer has applied a later sequence than the source has published. */
  readonly behind: readonly string[];
  /** The source has again what was deleted. */
  readonly ended: readonly string[];
  /** The last sequence that the consumer applied, by subject. */
  readonly applied: Readonly<Record<string, number>>;
}

/** The wrong subjects; those of a source that cannot delete them belong to another pair. */
export function wrongSubjects(finding: Finding): readonly string[] {
  return [...toPublishAgain(finding), ...finding.ended];
}

/** A consumer ignores every state of a deleted subject, so publishing it again fixes nothing. */
function toPublishAgain({ missing, different, ghosts, behind, ends }: Finding): readonly string[] {
  return [...new Set([...missing, ...different, ...(ends ? ghosts : []), ...behind])];
}

/** Ways in which a source and a consumer differ. */
export const kinds = ["missing", "different", "ghosts", "behind", "ended"] as const;
type Found = Record<typeof kinds[number], string[]>;

const pageSize = 200;

/** Compares every pair once. */
export async function compareAll(call: CallEvents): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const pair of await findPairs(call)) findings.push(await comparePair(call, pair));
  return findings;
}

async function findPairs(call: CallEvents): Promise<readonly Pair[]> {
  const described = new Map<string, z.infer<typeof Described>>();
  for (const service of serviceNames) {
    described.set(service, z.parse(Described, await call("GET", service, "/states")));
  }
  return [...described].flatMap(([consumer, { keeps }]) =>
    keeps.map(({ source, aspect: facet }) => {
      const published = described.get(source)?.says.find((one) => one.aspect === facet);
      if (!published) {
        throw new Error(`${source} does not publish ${facet}, which ${consumer} projects`);
      }
      return { source, consumer, facet, ends: published.ends, removes: published.removes };
    })
  );
}

async function comparePair(call: CallEvents, pair: Pair): Promise<Finding> {
  const { source, consumer, facet, ends } = pair;
  let compared = 0;
  const found = { missing: [], different: [], ghosts: [], behind: [], ended: [] } as Found;
  const applied: Record<string, number> = {};
  for (let after: string | null = ""; after !== null;) {
    const query = new URLSearchParams({ after, limit: String(pageSize) });
    const listed: unknown = await call("GET", source, `/states/${facet}?${query}`);
    const states: readonly z.infer<typeof State>[] = z.parse(Listed, listed).items;
    const until: string | null = states.length < pageSize ? null : states.at(-1)?.subject ?? null;
    const part = z.parse(
      Compared,
      await call("POST", consumer, `/kept/${source}/${facet}/compare`, { after, until, states }),
    );
    compared += part.compared;
    for (const kind of kinds) {
      if (kind !== "ghosts" || ends) found[kind].push(...part[kind]);
    }
    Object.assign(applied, part.applied);
    after = until;
  }
  return { ...pair, compared, ...found, applied };
}

/** Waits between rounds. */
export interface Pause {
  (ms: number): Promise<void>;
}

const roundMs = 2_000;
const settledRounds = 4;
const maxRounds = 60;

/**
 * Compares until nothing differs, or until the same differences remain round after round while
 * every outbox is empty: a change under way is no difference.
 *
 * A failed delivery may be retried after 16 s, which is longer; then it is found, and its repair
 * does no harm.
 */
export async function settle(call: CallEvents, pause: Pause): Promise<readonly Finding[]> {
  let [before, same] = ["", 0];
  for (let round = 1;; round++) {
    const findings = await compareAll(call);
    const wrong = findings.map(wrongSubjects);
    if (wrong.every(({ length }) => length === 0) || round === maxRounds) return findings;
    const seen = JSON.stringify(wrong);
    same = seen === before && await isDrained(call) ? same + 1 : 0;
    if (same === settledRounds) return findings;
    before = seen;
    await pause(roundMs);
  }
}

async function isDrained(call: CallEvents): Promise<boolean> {
  for (const service of serviceNames) {
    if (z.parse(Outbox, await call("GET", service, "/outbox")).waiting > 0) return false;
  }
  return true;
}

/**
 * Has sources publish again what consumers have wrong, above the sequences that those have applied,
 * and delete what was deleted elsewhere.
 */
export async function repair(call: CallEvents, findings: readonly Finding[]): Promise<void> {
  const bySource = Map.groupBy(findings, ({ source, facet }) => `${source} ${facet}`);
  for (const group of bySource.values()) {
    const [first] = group;
    if (!first) continue;
    const path = `/states/${first.facet}`;
    for (const subjects of toPages(group.filter(({ removes }) => removes), ({ ended }) => ended)) {
      await call("POST", first.source, `${path}/remove`, { subjects });
    }
    const newest = mergeApplied(group);
    for (const subjects of toPages(group, toPublishAgain)) {
      const applied = Object.fromEntries(
        subjects.flatMap((subject) => {
          const sequence = newest.get(subject);
          return sequence === undefined ? [] : [[subject, sequence] as const];
        }),
      );
      await call("POST", first.source, `${path}/say`, { subjects, applied });
    }
  }
}

/** The last applied sequence of the consumer that is furthest ahead. */
function mergeApplied(group: readonly Finding[]): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const { applied } of group) {
    for (const [subject, sequence] of Object.entries(applied)) {
      newest.set(subject, Math.max(sequence, newest.get(subject) ?? 0));
    }
  }
  return newest;
}

function toPages(
  group: readonly Finding[],
  select: (finding: Finding) => readonly string[],
): readonly (readonly string[])[] {
  const subjects = [...new Set(group.flatMap(select))];
  const count = Math.ceil(subjects.length / pageSize);
  return Array.from(
    { length: count },
    (_, at) => subjects.slice(at * pageSize, (at + 1) * pageSize),
  );
}
