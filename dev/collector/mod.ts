import type { Exit, LogLine } from "./api.ts";
import type { DeliveryNote } from "./event_sources.ts";
import type { ProcessFacts } from "./health.ts";
import type { FromObserver, Opening, ToObserver } from "./messages.ts";
import type { ExitedProcess } from "./observer.ts";

export type {
  EventTrail,
  Exit,
  InFlightRequest,
  LogLine,
  RequestDetail,
  RequestRow,
  Span,
} from "./api.ts";
export { openAnyForReading, openForReading, storeFile } from "./database.ts";
export { describeEnd } from "./last_run.ts";
export type { DeliveryNote } from "./event_sources.ts";
export { findTraceIds, readDetail } from "./detail.ts";
export type { ForwardTargets } from "./forward.ts";
export { inFlightFile } from "./last_run.ts";
export type { Opening } from "./messages.ts";
export type { System } from "./observer.ts";
export type { OutboxFile } from "./event_sources.ts";

/** The observer as dev sees it; no call waits or throws. */
export interface RunningObserver {
  /** How the run before ended, if it crashed and that was not reported yet. */
  readonly unreported: readonly Exit[];
  receive(line: LogLine): void;
  /** Something has happened to a message on its way to a consumer. */
  noteDelivery(note: DeliveryNote): void;
  started(process: ProcessFacts): void;
  ended(process: ExitedProcess): void;
  /** The unreported exits have been shown. */
  reported(): void;
  close(): Promise<void>;
}

export interface ObserverEffects {
  readonly onWarning: (message: string) => void;
}

/** Lines are passed on in batches, this far apart in milliseconds. */
const batchMs = 50;
/** A thread that does not end in this time is terminated. */
const closeWithinMs = 3_000;

/**
 * Starts the observer in a thread of its own and waits until it serves.
 *
 * @throws {Error} with the reason why it cannot
 */
export async function startObserver(
  opening: Opening,
  { onWarning }: ObserverEffects,
): Promise<RunningObserver> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "observer",
  });
  const ready = Promise.withResolvers<readonly Exit[]>();
  const closed = Promise.withResolvers<void>();
  worker.onmessage = ({ data }) => {
    const message = toMessage(data);
    if (message.kind === "ready") ready.resolve(message.unreported);
    else if (message.kind === "refused") ready.reject(new Error(message.reason));
    else if (message.kind === "warning") onWarning(message.message);
    else closed.resolve();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    ready.reject(new Error(event.message));
    // Nothing else can respond any more.
    closed.resolve();
    onWarning(`The dashboard has stopped: ${event.message}`);
  };
  const post = (message: ToObserver): void => worker.postMessage(message);
  post({ kind: "open", opening });
  try {
    const unreported = await ready.promise;
    return { ...toHandle(post, { worker, closed: closed.promise }), unreported };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

function toHandle(
  post: (message: ToObserver) => void,
  { worker, closed }: { worker: Worker; closed: Promise<void> },
): Omit<RunningObserver, "unreported"> {
  let lines: LogLine[] = [];
  let notes: DeliveryNote[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines.length > 0) post({ kind: "lines", lines });
    lines = [];
    if (notes.length > 0) post({ kind: "deliveries", notes });
    notes = [];
  };
  /** Lines and notes before a message must be posted before it. */
  const postInOrder = (message: ToObserver): void => {
    flush();
    post(message);
  };
  return {
    receive(line) {
      lines.push(line);
      timer ??= setTimeout(flush, batchMs);
    },
    noteDelivery(note) {
      notes.push(note);
      timer ??= setTimeout(flush, batchMs);
    },
    started: (process) => postInOrder({ kind: "started", process }),
    ended: (process) => postInOrder({ kind: "ended", process }),
    reported: () => postInOrder({ kind: "reported" }),
    async close() {
      postInOrder({ kind: "close" });
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const limit = setTimeout(resolve, closeWithinMs);
      await Promise.race([closed, late]);
      clearTimeout(limit);
      worker.terminate();
    },
  };
}

/** Only the observer's thread posts here, and structured clones keep the shape of what it posts. */
function toMessage(data: unknown): FromObserver {
  return data as FromObserver;
}
