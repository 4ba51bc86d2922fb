import { Buffer } from "node:buffer";
import { createClient, ErrorReply, RESP_TYPES } from "@redis/client";
import {
  type Bytes,
  type Command,
  discarded,
  type Failure,
  fromOctets,
  isFailure,
  isList,
  type RedisBackend,
  RedisUnavailable,
  type Reply,
  type Subscription,
  toInteger,
  toOctets,
} from "./protocol.ts";
import { sha1Hex } from "./engine/lua.ts";

export interface RedisProxyOptions {
  /** `redis://[[user]:password@]host[:port][/db]` or `rediss://…` */
  readonly url: string;
}

/**
 * Creates a backend on a real Redis: one connection for all commands, pipelined, opened by the
 * first command and reopened after it broke, and one for subscriptions.
 *
 * A command that was under way when the connection broke rejects with `RedisUnavailable` and is not
 * sent again: it may have run.
 *
 * @throws {TypeError} if the URL is neither `redis:` nor `rediss:`
 */
export function createRedisProxy(
  { url }: RedisProxyOptions,
): RedisBackend {
  if (!["redis:", "rediss:"].includes(URL.parse(url)?.protocol ?? "")) {
    throw new TypeError("Cannot use REDIS_URL: it must begin with redis:// or rediss://");
  }
  const subscriptions = new Set<Subscription>();
  const scripts = createScriptTranslation();
  const commands = createConnection({ url });
  const events = createConnection({ url, onEnd: endSubscriptions });

  function endSubscriptions(): void {
    const ended = [...subscriptions];
    subscriptions.clear();
    for (const { onEnd } of ended) onEnd();
  }
  return {
    async execute(command) {
      const reply = await send(await commands.use(), scripts.toRedis(command));
      return typeof reply === "string" ? scripts.fromRedis(command, reply) : reply;
    },
    async multi(queued) {
      return await transact(await commands.use(), queued.map(scripts.toRedis));
    },
    async subscribe(subscription) {
      const client = await events.use();
      subscriptions.add(subscription);
      const stop = await listen(client, subscription);
      return async () => {
        if (subscriptions.delete(subscription)) await stop();
      };
    },
    close() {
      commands.close();
      events.close();
      return Promise.resolve();
    },
  };
}

async function send(client: RawClient, command: Command): Promise<Reply> {
  try {
    const reply: unknown = await client.sendCommand(command.map(toOctets));
    return toReply(reply);
  } catch (error) {
    if (error instanceof ErrorReply) return toFailure(error);
    throw toOutage(error);
  }
}

/**
 * The library's own `multi()` decodes EXEC as text and rounds integers. Sending the words directly
 * is as atomic: all are queued within one turn, and nothing else can come in between.
 */
async function transact(
  client: RawClient,
  commands: readonly Command[],
): Promise<readonly Reply[] | Failure> {
  const sent = [["MULTI"], ...commands, ["EXEC"]].map((command) => send(client, command));
  const replies = await Promise.all(sent);
  const outcome = replies.at(-1) ?? null;
  if (isList(outcome)) return outcome;
  const refused = replies.slice(0, -1).find(isFailure);
  return discarded(refused?.error ?? "the transaction was not run");
}

async function listen(
  client: RawClient,
  { channel, kind, onMessage }: Subscription,
): Promise<() => Promise<void>> {
  const name = toOctets(channel);
  const pattern = kind === "pattern" ? { pattern: channel } : {};
  const receive = (payload: Buffer, on: Buffer) =>
    onMessage({ channel: fromOctets(on), payload: fromOctets(payload), ...pattern });
  if (kind === "pattern") {
    await client.pSubscribe(name.toString(), receive, true);
    return () => client.pUnsubscribe(name.toString(), receive, true);
  }
  await client.subscribe(name.toString(), receive, true);
  return () => client.unsubscribe(name.toString(), receive, true);
}

function toReply(value: unknown): Reply {
  if (Array.isArray(value)) return value.map(toReply);
  if (value instanceof Buffer) return fromOctets(value);
  if (value instanceof ErrorReply) return toFailure(value);
  if (typeof value === "string") return toInteger(BigInt(value));
  if (value === null) return null;
  throw new TypeError(`Cannot read a reply of Redis: unexpected ${typeof value}`);
}

function toFailure({ message }: ErrorReply): Failure {
  return { error: message };
}

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

const connectTimeoutMs = 2_000;

/** Waiting for a reconnection is left to the callers: each command opens or fails at once. */
function createRawClient({ url }: ConnectionOptions) {
  return createClient({
    url,
    RESP: 2,
    disableClientInfo: true,
    disableOfflineQueue: true,
    socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false },
    commandOptions: { typeMapping },
  });
}

/**
 * Translates scripts with Upstash's own flag `allow-key-locking` for a stock Redis, which refuses
 * to compile an unknown flag. The line is emptied, so line numbers stay.
 */
export interface ScriptTranslation {
  toRedis(command: Command): Command;
  /** The name by which the client will call a script to which Redis gave another name. */
  fromRedis(command: Command, sha: Bytes): Bytes;
}

const foreignFlags = /^#!lua[^\n]*\ballow-key-locking\b[^\n]*/;

/** Creates a translation that stores the names of the scripts it changed. */
export function createScriptTranslation(): ScriptTranslation {
  const names = new Map<string, string>();

  function strip(code: Bytes): Bytes {
    const stripped = code.replace(foreignFlags, "");
    if (stripped !== code) names.set(sha1Hex(code), sha1Hex(stripped));
    return stripped;
  }
  function toRedisName(sha: Bytes): Bytes {
    return names.get(sha.toLowerCase()) ?? sha;
  }
  return {
    toRedis(command) {
      const [name = "", first = "", ...rest] = command;
      switch (name.toUpperCase()) {
        case "EVAL":
        case "EVAL_RO":
          return [name, strip(first), ...rest];
        case "EVALSHA":
        case "EVALSHA_RO":
          return [name, toRedisName(first), ...rest];
        case "SCRIPT":
          return [name, first, ...rest.map(/^load$/i.test(first) ? strip : toRedisName)];
        default:
          return command;
      }
    },
    fromRedis(command, sha) {
      const [name = "", action = "", code = ""] = command;
      const isLoad = /^script$/i.test(name) && /^load$/i.test(action);
      return isLoad && foreignFlags.test(code) ? sha1Hex(code) : sha;
    },
  };
}
