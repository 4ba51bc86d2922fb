import { Buffer } from "node:buffer";
import { ErrorReply } from "@redis/client";
import { type Command, discarded, type RedisBackend, type Subscription } from "./backend.ts";
import { fromOctets, toOctets } from "./bytes.ts";
import { createConnection, type RawClient, toOutage } from "./proxy_connection.ts";
import { createScriptTranslation } from "./proxy_scripts.ts";
import { type Failure, isFailure, isList, type Reply, toInteger } from "./reply.ts";

export interface RedisProxyOptions {
  /** `redis://[[user]:password@]host[:port][/db]` or `rediss://…` */
  readonly url: string;
  readonly connectTimeoutMs?: number;
}

/**
 * Creates a backend on a real Redis: one connection for all commands, pipelined, opened by the
 * first
 * command and reopened after it broke, and one for subscriptions.
 *
 * A command that was under way when the connection broke rejects with `RedisUnavailable` and is not
 * sent again: it may have run.
 *
 * @throws {TypeError} if the URL is neither `redis:` nor `rediss:`
 */
export function createRedisProxy(
  { url, connectTimeoutMs = 2000 }: RedisProxyOptions,
): RedisBackend {
  if (!["redis:", "rediss:"].includes(URL.parse(url)?.protocol ?? "")) {
    throw new TypeError("Cannot use REDIS_URL: it must begin with redis:// or rediss://");
  }
  const subscriptions = new Set<Subscription>();
  const scripts = createScriptTranslation();
  const commands = createConnection({ url, connectTimeoutMs });
  const events = createConnection({ url, connectTimeoutMs, onEnd: endSubscriptions });

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
