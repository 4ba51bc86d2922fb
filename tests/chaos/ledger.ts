/** How a change ended for its client; an unknown change may have happened. */
export type Ending = "ok" | "fail" | "unknown";

/** The effects of a change: keys with their new values. */
export type Facts = Readonly<Record<string, string>>;

/** The changes that clients tried, recorded before and after. */
export interface Ledger extends Disposable {
  /** Records a change before it is sent, and returns its number. */
  begin(operation: string, facts: Facts): number;
  /** Records its end, with facts that only the response has. */
  end(number: number, ending: Ending, facts?: Facts): void;
  /** Number of changes by their end. */
  readonly counts: Readonly<Record<Ending, number>>;
}

/** Writes a ledger, one JSON object per line. */
export function openLedger(path: string): Ledger {
  const file = Deno.openSync(path, { create: true, append: true });
  const encoder = new TextEncoder();
  const counts = { ok: 0, fail: 0, unknown: 0 };
  let last = 0;
  const write = (line: Line) => void file.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));
  return {
    counts,
    begin(operation, facts) {
      last++;
      write({ number: last, operation, facts });
      return last;
    },
    end(number, ending, facts = {}) {
      counts[ending]++;
      write({ number, ending, facts });
    },
    [Symbol.dispose]: () => file.close(),
  };
}

interface Line {
  readonly number: number;
  readonly operation?: string;
  readonly ending?: Ending;
  readonly facts: Facts;
}

/** A change that a client tried. */
export interface Attempt {
  readonly operation: string;
  readonly facts: Facts;
  readonly ending: Ending;
}

/** Every attempt in the order of its end; an attempt without an end is unknown. */
export function readLedger(path: string): Attempt[] {
  const attempts: Attempt[] = [];
  const open = new Map<number, Pick<Attempt, "operation" | "facts">>();
  for (const text of Deno.readTextFileSync(path).split("\n")) {
    if (text === "") continue;
    const { number, operation = "", ending, facts } = toLine(text);
    const begun = open.get(number);
    if (ending === undefined || !begun) open.set(number, { operation, facts });
    else {
      attempts.push({ ...begun, facts: { ...begun.facts, ...facts }, ending });
      open.delete(number);
    }
  }
  return [
    ...attempts,
    ...[...open.values()].map((one) => ({ ...one, ending: "unknown" } as const)),
  ];
}

/** The expected value of one key, from the clients' view. */
export interface Claim {
  /** The value of the last successful change. */
  readonly settled: string | undefined;
  /** The values of later changes with an unknown end. */
  readonly possible: ReadonlySet<string>;
}

/**
 * The state that clients may expect, by key.
 *
 * No client changes a key while another change of it is in progress, so the order of attempts is the
 * order of changes.
 */
export function toClaims(attempts: readonly Attempt[]): ReadonlyMap<string, Claim> {
  const claims = new Map<string, { settled: string | undefined; possible: Set<string> }>();
  for (const { facts, ending } of attempts) {
    for (const [key, value] of Object.entries(facts)) {
      const claim = claims.get(key) ?? { settled: undefined, possible: new Set<string>() };
      if (ending === "ok") claims.set(key, { settled: value, possible: new Set() });
      else if (ending === "unknown") claims.set(key, claim).get(key)?.possible.add(value);
    }
  }
  return claims;
}

/** Only {@link openLedger} writes the file. */
function toLine(text: string): Line {
  return JSON.parse(text) as Line;
}
