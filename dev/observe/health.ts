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
}

/** Makes the board of a system. */
export function createHealth(
  { others, checkProcess, exits, onChange, now, maxAgeMs = 2_000 }: HealthOptions,
): HealthBoard {
  const entries = new Map<string, Entry>();
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let isClosed = false;

  function put(entry: Omit<Entry, "since">): void {
    entries.set(`${entry.part.kind} ${entry.part.name}`, { ...entry, since: now() });
  }

  /** Whether that is news. */
  function set(entry: Entry, finding: Finding): boolean {
    const { state, reason } = entry.finding;
    if (state === finding.state && reason === finding.reason) return false;
    if (state !== finding.state) entry.since = now();
    entry.finding = finding;
    return true;
  }

  const starting: Finding = { state: "starting", reason: "" };
  for (const { name, kind, check } of others) {
    put({ part: { name, kind }, check, finding: starting });
  }

  const show = (): Health => ({
    parts: [...entries.values()].map(({ part, finding, since }) => ({
      ...part,
      ...finding,
      since,
    })),
    exits: exits(),
  });

  async function ask(): Promise<void> {
    const asked = [...entries.values()].filter(({ check }) => check);
    const news = await Promise.all(asked.map(async (entry) => {
      const finding = await entry.check?.();
      // Its process may have ended meanwhile, and then nothing it said counts.
      return finding !== undefined && entry.finding.reason !== ended && set(entry, finding);
    }));
    if (isClosed) return;
    askedAt = now();
    if (news.includes(true)) onChange(show());
  }

  async function refresh(): Promise<void> {
    const age = now() - askedAt;
    if (age >= 0 && age < maxAgeMs) return;
    await (asking ??= ask().finally(() => asking = undefined));
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
    },
    ended(name, reason) {
      const process = entries.get(`process ${name}`);
      const http = entries.get(`http ${name}`);
      if (process) set(process, { state: "down", reason });
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
    },
  };
}

const ended = "its process has ended";
