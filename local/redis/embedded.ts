import type { Persistence } from "./append_only_file.ts";
import type { Bytes, Command, Failure, RedisBackend, Subscription } from "./protocol.ts";
import { createEngine } from "./engine/engine.ts";
import { CommandError, formatFloat } from "./engine/arguments.ts";
import { createScripting } from "./engine/scripting.ts";
import type { CommandTable } from "./engine/command.ts";
import { counterCommands } from "./engine/counters.ts";
import { expiryCommands } from "./engine/expiry.ts";
import { hashCommands } from "./engine/hashes.ts";
import { keyCommands, serverCommands } from "./engine/keys.ts";
import { listCommands } from "./engine/lists.ts";
import { setCommands } from "./engine/sets.ts";
import { sortedSetAlgebraCommands } from "./engine/sorted_set_algebra.ts";
import { sortedSetRangeCommands } from "./engine/sorted_set_ranges.ts";
import { sortedSetCommands } from "./engine/sorted_sets.ts";
import { stringCommands } from "./engine/strings.ts";
import { compileGlob } from "./engine/options.ts";
import type { Entry, Keyspace } from "./engine/keyspace.ts";

export interface EmbeddedRedisOptions {
  /** Epoch milliseconds */
  readonly now?: () => number;
  /** 0 ≤ n < 1 */
  readonly random?: () => number;
  /** Where writes are stored; without it all data is gone with the process. */
  readonly persistence?: Persistence;
  /**
   * Keys that state that other keys are complete. They do not survive a torn file, and a compacted
   * file has them last: cut anywhere, it never has such a key without the others.
   */
  readonly witnesses?: readonly string[];
}

/**
 * Creates the embedded Redis: the commands a typical service calls, in memory, stored in an
 * append-only file that is replayed and compacted here at start.
 *
 * An unsupported command fails and names `REDIS_URL`. If the file cannot be written the command
 * fails with `MISCONF`, though the data in memory already changed.
 */
export function createEmbeddedRedis(
  { now = Date.now, random = Math.random, persistence, witnesses = [] }: EmbeddedRedisOptions = {},
): RedisBackend {
  const channels = createChannels();
  const scripting = createScripting();
  const engine = createEngine({
    commands: { ...dataCommands, ...scripting.commands },
    now,
    random,
    publish: channels.publish,
    record: (group) => store(group, persistence),
  });
  if (persistence) restore(engine, persistence, witnesses);

  async function whenReady<T>(commands: readonly Command[], work: () => T): Promise<T | Failure> {
    if (commands.some(scripting.needsLua)) await scripting.prepare();
    try {
      return work();
    } catch (error) {
      if (error instanceof CommandError) return { error: error.message };
      throw error;
    }
  }
  return {
    execute: (command) => whenReady([command], () => engine.execute(command)),
    multi: (commands) => whenReady(commands, () => engine.multi(commands)),
    subscribe(subscription) {
      const unsubscribe = channels.subscribe(subscription);
      return Promise.resolve(() => Promise.resolve(unsubscribe()));
    },
    close() {
      channels.close();
      persistence?.close();
      return Promise.resolve();
    },
  };
}

function store(group: readonly Command[], persistence: Persistence | undefined): void {
  try {
    persistence?.append(group);
  } catch (cause) {
    const message = "MISCONF Cannot write the append-only file: the change is in memory alone";
    throw Object.assign(new CommandError(message), { cause });
  }
}

function restore(
  engine: ReturnType<typeof createEngine>,
  persistence: Persistence,
  witnesses: readonly string[],
): void {
  for (const group of persistence.read()) engine.replay(group);
  if (persistence.isTorn()) engine.replay(witnesses.map((key) => ["DEL", key]));
  persistence.replace(snapshot(engine.keys, { last: witnesses }));
}

/** Every command of the engine but the scripts. */
export const dataCommands: CommandTable = {
  ...stringCommands,
  ...counterCommands,
  ...expiryCommands,
  ...keyCommands,
  ...hashCommands,
  ...setCommands,
  ...sortedSetCommands,
  ...sortedSetRangeCommands,
  ...sortedSetAlgebraCommands,
  ...listCommands,
  ...serverCommands,
};

export interface Channels {
  /** Passes a message to the subscribers, and returns their number. */
  publish(channel: Bytes, payload: Bytes): number;
  /** Subscribes until the returned function is called. */
  subscribe(subscription: Subscription): () => void;
  /** Ends every subscription. */
  close(): void;
}

/** Creates publish and subscribe within one process. */
export function createChannels(): Channels {
  const listeners = new Map<Subscription, (channel: Bytes) => boolean>();
  return {
    publish(channel, payload) {
      const receivers = [...listeners].filter(([, matches]) => matches(channel));
      for (const [{ kind, channel: pattern, onMessage }] of receivers) {
        onMessage(kind === "pattern" ? { channel, payload, pattern } : { channel, payload });
      }
      return receivers.length;
    },
    subscribe(subscription) {
      const { kind, channel: subscribed } = subscription;
      const matches = kind === "pattern"
        ? compileGlob(subscribed)
        : (channel: Bytes) => channel === subscribed;
      listeners.set(subscription, matches);
      return () => void listeners.delete(subscription);
    },
    close() {
      const open = [...listeners.keys()];
      listeners.clear();
      for (const { onEnd } of open) onEnd();
    },
  };
}

const wordsPerCommand = 1000;

/** Writes the shortest commands that create these keys again, one group for each key. */
export function* snapshot(
  keys: Keyspace,
  { last = [] }: { readonly last?: readonly Bytes[] } = {},
): Iterable<readonly Command[]> {
  const atEnd: (readonly Command[])[] = [];
  for (const [key, entry] of keys.entries()) {
    const commands = toCommands(key, entry);
    if (entry.expiresAt !== null) commands.push(["PEXPIREAT", key, String(entry.expiresAt)]);
    if (last.includes(key)) atEnd.push(commands);
    else yield commands;
  }
  yield* atEnd;
}

function toCommands(key: Bytes, entry: Entry): Command[] {
  switch (entry.type) {
    case "string":
      return [["SET", key, entry.value]];
    case "hash":
      return inParts("HSET", key, [...entry.value].flat());
    case "set":
      return inParts("SADD", key, [...entry.value]);
    case "list":
      return inParts("RPUSH", key, entry.value);
    case "zset":
      return inParts(
        "ZADD",
        key,
        entry.value.ranking.flatMap(({ member, score }) => [formatFloat(score), member]),
      );
  }
}

function inParts(name: string, key: Bytes, words: readonly Bytes[]): Command[] {
  const commands: Command[] = [];
  for (let from = 0; from < words.length; from += wordsPerCommand) {
    commands.push([name, key, ...words.slice(from, from + wordsPerCommand)]);
  }
  return commands;
}
