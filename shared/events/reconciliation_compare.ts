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
