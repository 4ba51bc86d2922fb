import type { RequestRow, StoredLogLine } from "./api.ts";
import type { Stream } from "./stream.ts";
import type { Written } from "./writer.ts";

export interface AnnouncerOptions {
  readonly stream: Stream;
  readonly findRequest: (traceId: string) => RequestRow | undefined;
  /** Whether the dashboard itself sent the request of a trace. */
  readonly isOwn: (traceId: string) => boolean;
  /** How long changes of one request gather, in milliseconds. */
  readonly everyMs?: number;
  /** Requests, and lines, told at once; of more only the newest. */
  readonly maxAtOnce?: number;
}

/** Tells the pages that are open what has been written. */
export interface Announcer {
  heard(written: Written): void;
  close(): void;
}

/** Makes the announcer: a request of which several things arrive at once is told once. */
export function createAnnouncer(
  { stream, findRequest, isOwn, everyMs = 100, maxAtOnce = 200 }: AnnouncerOptions,
): Announcer {
  const changed = new Set<string>();
  let lines: StoredLogLine[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  function announce(): void {
    timer = undefined;
    const traceIds = [...changed].slice(-maxAtOnce);
    const told = lines;
    changed.clear();
    lines = [];
    for (const traceId of traceIds) {
      const row = findRequest(traceId);
      if (row) stream.publish("request", isOwn(traceId) ? { ...row, isOwn: true } : row);
    }
    for (const line of told) {
      const own = line.traceId !== null && isOwn(line.traceId);
      stream.publish("log", (own ? { ...line, isOwn: true } : line) satisfies StoredLogLine);
    }
  }

  return {
    heard(written) {
      if (stream.size() === 0) return;
      for (const traceId of written.traceIds) {
        // What has changed again goes to the end: the newest are told when there are too many.
        changed.delete(traceId);
        changed.add(traceId);
      }
      lines = [...lines, ...written.lines].slice(-maxAtOnce);
      timer ??= setTimeout(announce, everyMs);
    },
    close: () => clearTimeout(timer),
  };
}
