import type { Exit, Health, Part } from "./api.ts";
import type { Check, Finding } from "./checks.ts";

/** A process of the system, as whoever started it knows it. */
export interface ProcessFacts {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

export interface HealthOptions {
  /** Parts beside the processes, with how to ask them. */
  readonly others: readonly {
    readonly name: string;
    readonly kind: "redis" | "database";
    readonly check: Check;
  }[];
  /** How a process's own readiness is asked for. */
  readonly checkProcess: (process: ProcessFacts) => Check;
  readonly exits: () => readonly Exit[];
  readonly onChange: (health: Health) => void;
  readonly now: () => number;
  /** An answer is this old at most, in milliseconds. */
  readonly maxAgeMs?: number;
  /**
   * How often what is starting is asked, whether somebody wants to know or not: else it would be
   * ready since somebody opened the page. Without it nobody asks.
   */
  readonly settleEveryMs?: number;
}

/** How each part of the system is; nobody is asked while nobody wants to know. */
export interface HealthBoard {
  started(process: ProcessFacts): void;
  /** A process has ended; its exit is among the exits already. */
  ended(name: string, reason: string): void;
  read(): Promise<Health>;
  /** Whether somebody wants to hear of changes. */
  watch(isWatched: boolean): void;
  close(): void;
}

interface Entry {
  readonly part: Omit<Part, "state" | "reason" | "since">;
  /** None for a process, of which only its start and its end are known. */
  readonly check: Check | undefined;
  finding: Finding;
  since: number;
  /** When it was last known to be in another state, where that is long before `since`. */
  notBefore: number | undefined;
  lookedAt: number;
}

/** What is not ready for so long after a start is asked only while somebody looks. */
const maxSettleMs = 60_000;

/** Nobody looked for so many of its intervals: when a state began is not known to the second. */
const maxGaps = 3;

/** Makes the board of a system. */
export function createHealth(
  { others, checkProcess, exits, onChange, now, maxAgeMs = 2_000, settleEveryMs }: HealthOptions,
): HealthBoard {
  const entries = new Map<string, Entry>();
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let startedAt = Number.NEGATIVE_INFINITY;
  let settling: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  function put(entry: Pick<Entry, "part" | "check" | "finding">): void {
    const at = now();
    const key = `${entry.part.kind} ${entry.part.name}`;
    entries.set(key, { ...entry, since: at, notBefore: undefined, lookedAt: at });
  }

  /** Whether that is news. */
  function set(entry: Entry, finding: Finding): boolean {
    const { state, reason } = entry.finding;
    const [before, at] = [entry.lookedAt, now()];
    entry.lookedAt = at;
    if (state === finding.state && reason === finding.reason) return false;
    if (state !== finding.state) {
      entry.since = at;
      // Only what is asked can change unseen.
      const isLate = entry.check !== undefined && at - before > maxGaps * maxAgeMs;
      entry.notBefore = isLate ? before : undefined;
    }
    entry.finding = finding;
    return true;
  }

  const starting: Finding = { state: "starting", reason: "" };
  for (const { name, kind, check } of others) {
    put({ part: { name, kind }, check, finding: starting });
  }

  const show = (): Health => ({
    parts: [...entries.values()].map(({ part, finding, since, notBefore }) => ({
      ...part,
      ...finding,
      since,
      ...(notBefore === undefined ? {} : { notBefore }),
    })),
    exits: exits(),
  });

  async function ask(asked: readonly Entry[]): Promise<void> {
    const news = await Promise.all(asked.map(async (entry) => {
      const finding = await entry.check?.();
      // Its process may have ended meanwhile, and then nothing it said counts.
      return finding !== undefined && entry.finding.reason !== ended && set(entry, finding);
    }));
    if (!isClosed && news.includes(true)) onChange(show());
  }

  async function askAll(): Promise<void> {
    await ask([...entries.values()].filter(({ check }) => check));
    askedAt = now();
  }

  /** Until everything that was started lately is ready: many say at first that they are not. */
  function settle(): void {
    if (settleEveryMs === undefined || isClosed) return;
    clearTimeout(settling);
    settling = setTimeout(async () => {
      const unready = [...entries.values()].filter(({ check, finding }) =>
        check !== undefined && finding.state !== "ready" && finding.reason !== ended
      );
      if (unready.length === 0 || now() - startedAt > maxSettleMs) return;
      await ask(unready);
      settle();
    }, settleEveryMs);
  }

  async function refresh(): Promise<void> {
    const age = now() - askedAt;
    if (age >= 0 && age < maxAgeMs) return;
    await (asking ??= askAll().finally(() => asking = undefined));
  }

  return {
    started(process) {
      const { name, pid, port } = process;
      put({
        part: { name, kind: "process", pid },
        check: undefined,
        finding: { state: "ready", reason: "" },
      });
      put({ part: { name, kind: "http", port }, check: checkProcess(process), finding: starting });
      askedAt = Number.NEGATIVE_INFINITY;
      onChange(show());
      startedAt = now();
      settle();
    },
    ended(name, reason) {
      const process = entries.get(`process ${name}`);
      const http = entries.get(`http ${name}`);
      if (process) set(process, { state: "down", reason });
      // Whoever saw the end looked at it.
      if (http) http.lookedAt = now();
      if (http) set(http, { state: "down", reason: ended });
      onChange(show());
    },
    async read() {
      await refresh();
      return show();
    },
    watch(isWatched) {
      clearInterval(timer);
      timer = isWatched ? setInterval(refresh, maxAgeMs) : undefined;
      if (isWatched) refresh();
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(settling);
    },
  };
}

const ended = "its process has ended";
