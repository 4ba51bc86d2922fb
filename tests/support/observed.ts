import type { LogLine } from "../../dev/collector/api.ts";
import { createCollector } from "../../dev/collector/collector.ts";
import { type Database, openDatabase } from "../../dev/collector/database.ts";
import {
  createStore,
  type Store,
  type StoreLimits,
  type Written,
} from "../../dev/collector/store.ts";
import { type SentSpan, toTraceBody } from "./otlp.ts";

/** A separate store that accepts what a collector receives. */
export interface ObservedStore extends AsyncDisposable {
  readonly folder: string;
  readonly path: string;
  readonly db: Database;
  readonly store: Store;
  /** Sends spans as an exporter does, and returns the changes. */
  send(spans: readonly SentSpan[]): Promise<Written>;
  /** Closes the store, so that another process can open it. */
  close(): void;
}

/** Opens a store in its own folder, deleted after the test. */
export async function openStore(limits: Partial<StoreLimits> = {}): Promise<ObservedStore> {
  const folder = await Deno.makeTempDir({ prefix: "edgepass-observe-" });
  const path = `${folder}/store.sqlite`;
  const db = openDatabase(path);
  const store = createStore(db, limits);
  let written: Written | undefined;
  const collect = createCollector({
    take: (batch) => written = store.write(batch),
    onMetrics: () => {},
    now: () => 0,
  });
  let isOpen = true;
  const close = (): void => {
    if (isOpen) db[Symbol.dispose]();
    isOpen = false;
  };
  return {
    folder,
    path,
    db,
    store,
    close,
    async send(spans) {
      const response = await collect("traces", exportRequest(toTraceBody(spans)));
      if (response.status !== 200 || !written) throw new Error("The export was not taken");
      return written;
    },
    async [Symbol.asyncDispose]() {
      close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A request as an exporter sends it. */
export function exportRequest(body: BodyInit, headers: Record<string, string> = {}): Request {
  return new Request("http://127.0.0.1/v1/traces", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
}

/** The gateway's log line of a request. */
export function answeredLine(
  traceId: string,
  fields: Readonly<Record<string, unknown>> & { time: number },
): LogLine {
  const { time, ...rest } = fields;
  return {
    time,
    level: "info",
    service: "gateway",
    traceId,
    spanId: null,
    message: "Request completed",
    fields: { method: "GET", path: "/courses", status: 200, durationMs: 5, ...rest },
  };
}

/** A service's log line. */
export function lineOf(line: Partial<LogLine> & Pick<LogLine, "message">): LogLine {
  return {
    time: 0,
    level: "info",
    service: "course",
    traceId: null,
    spanId: null,
    fields: {},
    ...line,
  };
}
