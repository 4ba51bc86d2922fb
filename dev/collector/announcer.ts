import type { RequestRow, StoredLogLine } from "./api.ts";
import type { Stream } from "./stream.ts";
import type { Written } from "./writer.ts";

export interface AnnouncerOptions {
  readonly stream: Stream;
  readonly findRequest: (traceId: string) => RequestRow | undefined;
  /** Whether the dashboard itself sent the request of a trace. */
  readonly isOwn: (traceId: string) => boolean;
  /** The interval at which changes of one request are collected, in milliseconds. */
  readonly everyMs?: number;
  /** Requests, and lines, that are published at once; of more only the newest. */
  readonly maxAtOnce?: number;
}

/** Publishes what has been written to the open pages. */
export interface Announcer {
  publish(written: Written): void;
  close(): void;
}

/** Makes the announcer: a request of which several things arrive at once is published once. */
export function createAnnouncer(
  { stream, findRequest, isOwn, everyMs = 100, maxAtOnce = 200 }: AnnouncerOptions,
): Announcer {
  const changed = new Set<string>();
  let lines: StoredLogLine[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  function announce(): void {
    timer = undefined;
    const traceIds = [...changed].slice(-maxAtOnce);
    const collected = lines;
    changed.clear();
    lines = [];
    for (const traceId of traceIds) {
      const row = findRequest(traceId);
      if (row) stream.publish("request", isOwn(traceId) ? { ...row, isOwn: true } : row);
    }
    for (const line of collected) {
      const own = line.traceId !== null && isOwn(line.traceId);
      stream.publish("log", (own ? { ...line, isOwn: true } : line) satisfies StoredLogLine);
    }
  }

  return {
    publish(written) {
      if (stream.size() === 0) return;
      for (const traceId of written.traceIds) {
        // A trace that has changed again goes to the end: of too many only the newest are
        // published.
        changed.delete(traceId);
        changed.add(traceId);
      }
      lines = [...lines, ...written.lines].slice(-maxAtOnce);
      timer ??= setTimeout(announce, everyMs);
    },
    close: () => clearTimeout(timer),
  };
}
