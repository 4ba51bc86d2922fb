import type { Exit, Health, Part } from "./api.ts";
import type { Check, Finding } from "./checks.ts";

/** A process of the system, as its parent describes it. */
export interface ProcessFacts {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

export interface HealthOptions {
  /** Parts beside the processes, with their checks. */
  readonly others: readonly {
    readonly name: string;
    readonly kind: "redis" | "database";
    readonly check: Check;
  }[];
  /** Makes the readiness check of a process. */
  readonly checkProcess: (process: ProcessFacts) => Check;
  readonly exits: () => readonly Exit[];
  readonly onChange: (health: Health) => void;
  readonly now: () => number;
  /** The maximum age of a check's result, in milliseconds. */
  readonly maxAgeMs?: number;
  /**
   * How often starting parts are checked, whether a page is open or not: otherwise their `since`
   * would be the time the page was opened. Without it no check runs by itself.
   */
  readonly settleEveryMs?: number;
}

/** The state of each part of the system; no check runs while no page is open. */
export interface HealthBoard {
  started(process: ProcessFacts): void;
  /** A process has ended; its exit is stored already. */
  ended(name: string, reason: string): void;
  read(): Promise<Health>;
  /** Whether any page is open that needs changes. */
  watch(isWatched: boolean): void;
  close(): void;
}

interface Entry {
  readonly part: Omit<Part, "state" | "reason" | "since">;
  /** None for a process of which only the start and the end are visible. */
  readonly check: Check | undefined;
  finding: Finding;
  since: number;
  /** When it was last seen in another state, where that is long before `since`. */
  notBefore: number | undefined;
  lookedAt: number;
}

/** A part that is not ready for so long after a start is checked only while a page is open. */
const maxSettleMs = 60_000;

/** After so many intervals without a check, the start of a state is not exact to the second. */
const maxGaps = 3;

/** Makes the board of a system. */
export function createHealth(
  { others, checkProcess, exits, onChange, now, maxAgeMs = 2_000, settleEveryMs }: HealthOptions,
): HealthBoard {
  const entries = new Map<string, Entry>();
  let checkedAt = Number.NEGATIVE_INFINITY;
  let refreshing: Promise<void> | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let startedAt = Number.NEGATIVE_INFINITY;
  let settling: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  function put(entry: Pick<Entry, "part" | "check" | "finding">): void {
    const at = now();
    const key = `${entry.part.kind} ${entry.part.name}`;
    entries.set(key, { ...entry, since: at, notBefore: undefined, lookedAt: at });
  }

  /** Whether the entry has changed. */
  function set(entry: Entry, finding: Finding): boolean {
    const { state, reason } = entry.finding;
    const [before, at] = [entry.lookedAt, now()];
    entry.lookedAt = at;
    if (state === finding.state && reason === finding.reason) return false;
    if (state !== finding.state) {
      entry.since = at;
      // Only a part that is checked can change unseen.
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

  async function runChecks(checked: readonly Entry[]): Promise<void> {
    const changes = await Promise.all(checked.map(async (entry) => {
      const finding = await entry.check?.();
      // Its process may have ended meanwhile, and then the finding is outdated.
      return finding !== undefined && entry.finding.reason !== ended && set(entry, finding);
    }));
    if (!isClosed && changes.includes(true)) onChange(show());
  }

  async function checkAll(): Promise<void> {
    await runChecks([...entries.values()].filter(({ check }) => check));
    checkedAt = now();
  }

  /**
   * Repeats the checks until everything that was started lately is ready: many are not at first.
   */
  function settle(): void {
    if (settleEveryMs === undefined || isClosed) return;
    clearTimeout(settling);
    settling = setTimeout(async () => {
      const unready = [...entries.values()].filter(({ check, finding }) =>
        check !== undefined && finding.state !== "ready" && finding.reason !== ended
      );
      if (unready.length === 0 || now() - startedAt > maxSettleMs) return;
      await runChecks(unready);
      settle();
    }, settleEveryMs);
  }

  async function refresh(): Promise<void> {
    const age = now() - checkedAt;
    if (age >= 0 && age < maxAgeMs) return;
    await (refreshing ??= checkAll().finally(() => refreshing = undefined));
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
      checkedAt = Number.NEGATIVE_INFINITY;
      onChange(show());
      startedAt = now();
      settle();
    },
    ended(name, reason) {
      const process = entries.get(`process ${name}`);
      const http = entries.get(`http ${name}`);
      if (process) set(process, { state: "down", reason });
      // The end of the process was observed at this moment.
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
