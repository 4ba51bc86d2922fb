import type { KeptLogLine, LogLine, RequestRow } from "./api.ts";
import type { Stream } from "./stream.ts";
import type { Written } from "./writer.ts";

export interface AnnouncerOptions {
  readonly stream: Stream;
  readonly findRequest: (traceId: string) => RequestRow | undefined;
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
  { stream, findRequest, everyMs = 100, maxAtOnce = 200 }: AnnouncerOptions,
): Announcer {
  const changed = new Set<string>();
  let lines: KeptLogLine[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  function announce(): void {
    timer = undefined;
    const traceIds = [...changed].slice(-maxAtOnce);
    const told = lines;
    changed.clear();
    lines = [];
    for (const traceId of traceIds) {
      const row = findRequest(traceId);
      if (row) stream.publish("request", row);
    }
    for (const line of told) stream.publish("log", line satisfies LogLine);
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
