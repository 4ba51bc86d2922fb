/** What a source would say of a subject now. */
export interface State {
  /** Its id. */
  readonly subject: string;
  /** Of the event that says it. */
  readonly type: string;
  /** What that event carries. */
  readonly data: unknown;
  /** The subject's last one at its source; undefined where an older source lists it. */
  readonly sequence?: number | undefined;
}

/** A part of a list that is sorted by subject. */
export interface StatePage {
  /** Subjects behind this one; an empty text for the first. */
  readonly after: string;
  /** How many at most. */
  readonly limit: number;
}

/** What a consumer keeps of one subject. */
export interface Projected {
  /** Its id. */
  readonly subject: string;
}

/** What a consumer keeps of one aspect of another service's subjects, those that ended left out. */
export interface Projection<One extends Projected = Projected> {
  /** Whether every subject of the source has to be here, or only those there is a use for. */
  readonly whole: boolean;
  /** Sorted by subject; `until` is the last one. */
  list(page: StatePage & { readonly until: string }): Promise<readonly One[]>;
  /** Whether what is kept is what the source would say. */
  matches(state: State, kept: One): boolean;
}

/** Subjects of which two lists tell different things. */
export interface Differences {
  /** How many subjects were in both lists. */
  readonly compared: number;
  /** The source has them, and the consumer should. */
  readonly missing: readonly string[];
  /** Both have them, and they do not agree. */
  readonly different: readonly string[];
  /** The consumer has them, and the source does not. */
  readonly ghosts: readonly string[];
}

/** Where a consumer and a page of its source differ, in what is kept or in how far events came. */
export interface Comparison extends Differences {
  /** The consumer has applied a higher sequence than the source has given: it would refuse the next. */
  readonly behind: readonly string[];
  /** The source has them, and the consumer knows that they have ended, which is for good. */
  readonly ended: readonly string[];
  /** Of all of these: the newest sequence that the consumer has applied. */
  readonly applied: Readonly<Record<string, number>>;
}

/** Merges two lists that are sorted by subject, each subject once. */
export function compareStates<One extends Projected>(
  states: readonly State[],
  kept: readonly One[],
  { whole, matches }: Pick<Projection<One>, "whole" | "matches">,
): Differences {
  const [missing, different, ghosts]: [string[], string[], string[]] = [[], [], []];
  let [compared, at] = [0, 0];
  for (const state of states) {
    let one = kept[at];
    for (; one !== undefined && one.subject < state.subject; one = kept[++at]) {
      ghosts.push(one.subject);
    }
    if (one?.subject === state.subject) {
      compared++;
      at++;
      if (!matches(state, one)) different.push(state.subject);
    } else if (whole) missing.push(state.subject);
  }
  ghosts.push(...kept.slice(at).map(({ subject }) => subject));
  return { compared, missing, different, ghosts };
}
