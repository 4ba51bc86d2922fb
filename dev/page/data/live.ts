import type { StreamEvents } from "../api_types.ts";

/** The state of the page's stream: `connecting` only before the first response. */
export type Connection = "connecting" | "live" | "lost";

export interface LiveStatus {
  readonly connection: Connection;
  /**
   * Grows with each new connection: events between two of them were lost, so whatever is shown must
   * be loaded again. 0 until the first connection to dev.
   */
  readonly epoch: number;
  /** Epoch milliseconds of the last change of `connection`. */
  readonly since: number;
}

type Kind = keyof StreamEvents;
type Listener<Of extends Kind> = (items: readonly StreamEvents[Of][]) => void;

/** The events that dev sends by itself. */
export interface Live {
  status(): LiveStatus;
  onStatus(listener: () => void): () => void;
  /** Receives events in batches, at most one a frame. */
  on<Of extends Kind>(kind: Of, listener: Listener<Of>): () => void;
}

export interface LiveDeps {
  readonly open: () => EventSource;
  readonly page: Document;
  readonly now: () => number;
  /** Runs before the next frame is drawn. */
  readonly beforeFrame: (run: () => void) => void;
  readonly later: (run: () => void, delayMs: number) => void;
}

const retryMs = 1000;
const kinds = [
  "request",
  "log",
  "health",
  "metrics",
  "events",
  "configuration",
] as const satisfies readonly Kind[];

/**
 * Keeps a stream open while the page can be seen; a hidden page would only hold one of the six
 * connections that a browser allows an origin.
 */
export function createLive({ open, page, now, beforeFrame, later }: LiveDeps): Live {
  const { onStatus, on, queue, notifyStatus } = createListeners(beforeFrame);
  let status: LiveStatus = { connection: "connecting", epoch: 0, since: now() };
  let source: EventSource | undefined;

  function become(connection: Connection, epoch: number): void {
    const since = connection === status.connection ? status.since : now();
    status = { connection, epoch, since };
    notifyStatus();
  }
  function connect(): void {
    if (source || page.hidden) return;
    const opened = open();
    source = opened;
    opened.onopen = () => become("live", status.epoch + 1);
    opened.onerror = () => {
      // The browser's own retries wait for seconds and end for good with an error status.
      opened.close();
      if (source === opened) source = undefined;
      become("lost", Math.max(status.epoch, 1));
      later(connect, retryMs);
    };
    for (const kind of kinds) {
      opened.addEventListener(kind, ({ data }) => queue(kind, readEvent(data)));
    }
  }
  function followVisibility(): void {
    if (!page.hidden) return connect();
    source?.close();
    source = undefined;
  }
  page.addEventListener("visibilitychange", followVisibility);
  connect();
  return { status: () => status, onStatus, on };
}

function createListeners(beforeFrame: LiveDeps["beforeFrame"]) {
  const ofStatus = new Set<() => void>();
  const ofKind = new Map<Kind, Set<(items: readonly never[]) => void>>();
  const waiting = new Map<Kind, never[]>();

  function flush(): void {
    const bundles = [...waiting];
    waiting.clear();
    for (const [kind, items] of bundles) {
      for (const listener of ofKind.get(kind) ?? []) listener(items);
    }
  }
  return {
    notifyStatus: () => ofStatus.forEach((listener) => listener()),
    onStatus(listener: () => void): () => void {
      ofStatus.add(listener);
      return () => void ofStatus.delete(listener);
    },
    on<Of extends Kind>(kind: Of, listener: Listener<Of>): () => void {
      const listeners = ofKind.get(kind) ?? new Set();
      ofKind.set(kind, listeners.add(listener));
      return () => void listeners.delete(listener);
    },
    queue(kind: Kind, item: never): void {
      if (waiting.size === 0) beforeFrame(flush);
      const items = waiting.get(kind) ?? [];
      waiting.set(kind, items);
      items.push(item);
    },
  };
}

/** Reads an event's data; `never` goes to whatever its kind's listeners take, as api_types.ts has it. */
function readEvent(data: string): never {
  return JSON.parse(data) as never;
}
