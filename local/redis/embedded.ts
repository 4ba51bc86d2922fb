import type { Persistence } from "./append_only_file.ts";
import type { Command, RedisBackend } from "./backend.ts";
import { createChannels } from "./engine/channels.ts";
import { dataCommands } from "./engine/commands.ts";
import { createEngine } from "./engine/engine.ts";
import { CommandError } from "./engine/errors.ts";
import { createScripting } from "./engine/scripting.ts";
import { snapshot } from "./engine/snapshot.ts";
import type { Failure } from "./reply.ts";

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

  async function whenReady<T>(
    commands: readonly Command[],
    work: () => T,
  ): Promise<T | Failure> {
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
