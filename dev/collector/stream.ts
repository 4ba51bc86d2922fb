import type { RequestRow, StoredLogLine } from "./api.ts";
import type { Written } from "./store.ts";

/** The events that an open page receives. */
export type StreamEvent = "request" | "log" | "health" | "metrics" | "events" | "configuration";

export interface StreamOptions {
  /** A client with so many unsent characters is disconnected: it connects again and reloads. */
  readonly maxWaiting?: number;
  readonly heartbeatMs?: number;
  /** Called when the first client connects and when the last one has left. */
  readonly onAudience?: (isThere: boolean) => void;
}

/** Server-sent events to every page that is open. */
export interface Stream {
  /** The response to a page that subscribes. */
  open(): Response;
  publish(event: StreamEvent, data: unknown): void;
  /** The number of open pages. */
  size(): number;
  close(): void;
}

interface Client {
  send(text: string): void;
  end(): void;
}

/** Makes the hub. A slow page costs the others no more than the limit of its unsent characters. */
export function createStream(
  { maxWaiting = 1_048_576, heartbeatMs = 15_000, onAudience = () => {} }: StreamOptions = {},
): Stream {
  const clients = new Set<Client>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let lastId = 0;

  function broadcast(text: string): void {
    for (const client of [...clients]) client.send(text);
  }

  function add(client: Client): void {
    clients.add(client);
    if (clients.size > 1) return;
    timer = setInterval(() => broadcast(": still here\n\n"), heartbeatMs);
    onAudience(true);
  }

  function remove(client: Client): void {
    if (!clients.delete(client) || clients.size > 0) return;
    clearInterval(timer);
    onAudience(false);
  }

  function connect(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let client: Client;
    return new ReadableStream({
      start(controller) {
        client = toClient(controller, () => remove(client));
        add(client);
        // Some browsers do not report the connection as open before its first bytes.
        client.send("retry: 1000\n\n");
      },
      cancel: () => remove(client),
    }, { highWaterMark: maxWaiting, size: (chunk) => chunk?.length ?? 0 });
  }

  return {
    open: () =>
      new Response(connect(), {
        headers: {
          "content-type": "text/event-stream",
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
        },
      }),
    publish(event, data) {
      lastId++;
      if (clients.size === 0) return;
      broadcast(`event: ${event}\nid: ${lastId}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    size: () => clients.size,
    close() {
      for (const client of [...clients]) client.end();
    },
  };
}

const encoder = new TextEncoder();

function toClient(
  controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
  leave: () => void,
): Client {
  const end = (): void => {
    leave();
    controller.close();
  };
  return {
    end,
    send(text) {
      if ((controller.desiredSize ?? 0) <= 0) {
        leave();
        // Not closed: the unsent text would still be sent, however long that takes.
        controller.error(new Error("The client reads too slowly"));
        return;
      }
      controller.enqueue(encoder.encode(text));
    },
  };
}

export interface AnnouncerOptions {
  readonly stream: Stream;
  readonly findRequest: (traceId: string) => RequestRow | undefined;
  /** Whether the dashboard itself sent the request of a trace. */
  readonly isOwn: (traceId: string) => boolean;
  /** The interval at which changes of one request are collected, in milliseconds. */
  readonly everyMs?: number;
}

/** Publishes what has been written to the open pages. */
export interface Announcer {
  publish(written: Written): void;
  close(): void;
}

/** Requests, and lines, that are published at once; of more only the newest. */
const maxAtOnce = 200;

/** Makes the announcer: a request of which several things arrive at once is published once. */
export function createAnnouncer(
  { stream, findRequest, isOwn, everyMs = 100 }: AnnouncerOptions,
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
