/** How a change ended for its client: unknown means that it may have happened. */
export type Ending = "ok" | "fail" | "unknown";

/** What a change says of the world, when it happens: keys of the world with their new values. */
export type Facts = Readonly<Record<string, string>>;

/** What clients tried, written down before and after. */
export interface Ledger extends Disposable {
  /** Notes a change before it is asked for, and gives its number. */
  ensureLoaded(operation: string, facts: Facts): number;
  /** Notes how it ended, with facts that only its answer could tell. */
  end(number: number, ending: Ending, facts?: Facts): void;
  /** How many ended how. */
  readonly counts: Readonly<Record<Ending, number>>;
}

/** Writes a ledger, one JSON object a line. */
export function openLedger(path: string): Ledger {
  const file = Deno.openSync(path, { create: true, append: true });
  const encoder = new TextEncoder();
  const counts = { ok: 0, fail: 0, unknown: 0 };
  let last = 0;
  const write = (line: Line) => void file.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));
  return {
    counts,
    ensureLoaded(operation, facts) {
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

/** A change that somebody tried. */
export interface Attempt {
  readonly operation: string;
  readonly facts: Facts;
  readonly ending: Ending;
}

/** Every change that was tried, in the order of their ends; what has no end is unknown. */
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

/** What the world must be like at one key, as far as clients know. */
export interface Claim {
  /** By the last change that was answered with success. */
  readonly settled: string | undefined;
  /** By changes since then of which nobody knows. */
  readonly possible: ReadonlySet<string>;
}

/**
 * What clients may expect of the world, by key.
 *
 * Nobody changes a key while another change of it is under way, so that the order of attempts is the
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

/** The file was written by {@link openLedger} alone. */
function toLine(text: string): Line {
  return JSON.parse(text) as Line;
}
