import type { After } from "./attempt.ts";
import { createEngine } from "./engine.ts";
import { createFaults, type FaultOptions } from "./faults.ts";
import { createHandler, type Handler } from "./handler.ts";
import { createPublisher } from "./publisher.ts";
import { cryptoRandom, type Random } from "./model.ts";
import type { LogNote } from "./logs.ts";
import { letterRoutes } from "./routes_letters.ts";
import { publishRoutes } from "./routes_publish.ts";
import { resourceRoutes } from "./routes_resources.ts";
import { createKeyRing, type SigningKeys } from "./signing_keys.ts";
import { openStore } from "./store.ts";
import { EndpointError, type LoopbackHandler, type LoopbackServer } from "../loopback.ts";

export interface QstashOptions {
  /** The bearer token that every request needs. */
  readonly token: string;
  /** The file of its data; `:memory:` for none. */
  readonly path: string;
  /** For a file that has no keys yet; generated when left out. */
  readonly keys?: SigningKeys;
  /** Injected faults; left out, they are as last set, at first none. */
  readonly faults?: FaultOptions;
  /** How many deliveries run at once; default 50. */
  readonly maxParallel?: number;
  /** How long a deduplication id counts; default 10 minutes, as documented. */
  readonly deduplicationWindowMs?: number;
  /** How long a destination may take when the message has no timeout; default 15 minutes. */
  readonly timeoutMs?: number;
  /** The largest body of a message; default 1 MB. */
  readonly maxMessageBytes?: number;
  /** How long log entries are stored; default 3 days. */
  readonly logRetentionMs?: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  readonly random?: Random;
  readonly fetch?: typeof fetch;
  /** The timer behind delays and timeouts. */
  readonly after?: After;
  /** Receives each entry of the log at once; must not throw. */
  readonly onNote?: (note: LogNote) => void;
  /** Receives failures that appear in no response. */
  readonly onError?: (cause: unknown) => void;
}

/** A local QStash. */
export interface Qstash {
  readonly handler: Handler;
  /** The current signing keys: those in the file once there are some. */
  keys(): SigningKeys;
  /** Delivers from now on whenever something is due. */
  start(): void;
  /** Delivers all that is due now; for a clock that only a test moves. */
  step(): Promise<void>;
  /** Aborts deliveries under way, which are repeated after the next start, and closes the file. */
  close(): Promise<void>;
}

const megabyte = 1024 * 1024;
const dayMs = 86_400_000;

/**
 * Opens a local QStash for the official `@upstash/qstash` client.
 *
 * A message is stored before its request gets a response, and removed when its delivery has one:
 * after a kill in between it is delivered again, never lost.
 *
 * @throws {RangeError} if the token is empty or a number is out of range
 * @throws {Error} if another process holds the file
 */
export function openQstash(options: QstashOptions): Qstash {
  const settled = withDefaults(options);
  const { token, now, random, after, onError, maxMessageBytes, deduplicationWindowMs } = settled;
  const store = openStore(options.path, now, options.onNote);
  const closing = new AbortController();
  const { signal: closed } = closing;
  const faults = createFaults(store.settings, random, options.faults);
  const keys = createKeyRing(store.settings, random, options.keys);
  const publisher = createPublisher({ store, faults, now, random, deduplicationWindowMs });
  const maxResponseBytes = maxMessageBytes;
  const engine = createEngine({
    ...settled,
    ...{ store, publisher, faults, keys, closed, maxResponseBytes },
  });
  const routes = {
    // Before the schedules' destination route, which would match `/<id>/pause`.
    ...resourceRoutes({ store, keys, now }),
    ...publishRoutes({ store, publisher, now, random, maxMessageBytes }),
    ...letterRoutes({ store, publisher, now }),
  };
  const maxBodyBytes = 10 * maxMessageBytes;
  const onChange = engine.wake;
  return {
    handler: createHandler({
      token,
      routes,
      faults,
      after,
      maxBodyBytes,
      onChange,
      onError,
      closed,
    }),
    keys: keys.get,
    start: engine.start,
    step: engine.step,
    async close() {
      closing.abort();
      await engine.stop();
      store.close();
    },
  };
}

function withDefaults(options: QstashOptions) {
  const { token, maxParallel = 50, timeoutMs = 900_000, maxMessageBytes = megabyte } = options;
  if (token === "") throw new RangeError("Cannot serve QStash: the token is empty");
  if (!Number.isInteger(maxParallel) || maxParallel < 1) {
    throw new RangeError(`Cannot deliver ${maxParallel} messages at once`);
  }
  return {
    token,
    maxParallel,
    timeoutMs,
    maxMessageBytes,
    deduplicationWindowMs: options.deduplicationWindowMs ?? 600_000,
    logRetentionMs: options.logRetentionMs ?? 3 * dayMs,
    now: options.now ?? Date.now,
    random: options.random ?? cryptoRandom,
    fetch: options.fetch ?? fetch,
    after: options.after ?? onTimer,
    onError: options.onError ?? (() => {}),
  };
}

function onTimer(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
  return () => clearTimeout(timer);
}

/** A QStash that is served, with its signing keys. */
export interface QstashServer extends LoopbackServer {
  readonly keys: SigningKeys;
}

/**
 * Serves a local QStash and delivers its messages.
 *
 * @throws {EndpointError} when its file cannot be opened
 */
export function serveQstash(
  { serve, ...options }: QstashOptions & {
    readonly serve: (handler: LoopbackHandler) => LoopbackServer;
  },
): QstashServer {
  const qstash = open(options);
  const server = serve(qstash.handler);
  qstash.start();
  return {
    url: server.url,
    keys: qstash.keys(),
    async close() {
      // First the deliveries and open requests, for which the server would wait.
      await qstash.close();
      await server.close();
    },
  };
}

function open(options: QstashOptions): Qstash {
  try {
    return openQstash(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw new EndpointError(`the local QStash has no data: ${reason}`, { cause });
  }
}
