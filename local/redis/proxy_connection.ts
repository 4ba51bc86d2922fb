import { Buffer } from "node:buffer";
import { createClient, RESP_TYPES } from "@redis/client";
import { RedisUnavailable } from "./backend.ts";

/** Strings stay octets, and integers text: a number would lose digits beyond 2^53. */
const typeMapping = {
  [RESP_TYPES.NUMBER]: String,
  [RESP_TYPES.SIMPLE_STRING]: Buffer,
  [RESP_TYPES.BLOB_STRING]: Buffer,
} as const;

export type RawClient = ReturnType<typeof createRawClient>;

export interface Connection {
  /** The open connection; opened first where there is none. @throws {RedisUnavailable} */
  use(): Promise<RawClient>;
  close(): void;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly connectTimeoutMs: number;
  /** Called when an open connection breaks or is closed. */
  readonly onEnd?: () => void;
}

/** Creates a connection that opens when it is needed, also again after it broke. */
export function createConnection(options: ConnectionOptions): Connection {
  const { onEnd = () => {} } = options;
  let current: { readonly client: RawClient; readonly ready: Promise<RawClient> } | undefined;

  function end(): void {
    const ended = current;
    current = undefined;
    if (!ended) return;
    if (ended.client.isOpen) ended.client.destroy();
    onEnd();
  }
  function open(): Promise<RawClient> {
    const client = createRawClient(options);
    client.on("error", () => current?.client === client && end());
    const ready = client.connect().then(() => client, (cause) => {
      if (current?.client === client) end();
      throw toOutage(cause);
    });
    current = { client, ready };
    return ready;
  }
  return { use: () => current?.ready ?? open(), close: end };
}

/** Words an outage without the URL, which may hold a password. */
export function toOutage(cause: unknown): RedisUnavailable {
  return new RedisUnavailable("the Redis at REDIS_URL cannot be reached", { cause });
}

/** Waiting for a reconnection is left to the callers: each command opens or fails at once. */
function createRawClient({ url, connectTimeoutMs }: ConnectionOptions) {
  return createClient({
    url,
    RESP: 2,
    disableClientInfo: true,
    disableOfflineQueue: true,
    socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false },
    commandOptions: { typeMapping },
  });
}
