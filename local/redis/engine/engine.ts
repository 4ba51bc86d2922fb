import { type Bytes, type Command, discarded, type Failure, type Reply } from "../protocol.ts";
import { type CommandSpec, type CommandTable, type Context, fitsArity } from "./command.ts";
import { CommandError, refusal, wrongArity } from "./arguments.ts";
import { createKeyspace, type Keyspace } from "./keyspace.ts";

const checkedPerWrite = 10;

export interface EngineDeps {
  readonly commands: CommandTable;
  /** Epoch milliseconds */
  readonly now: () => number;
  /** 0 ≤ n < 1 */
  readonly random: () => number;
  readonly publish: (channel: Bytes, payload: Bytes) => number;
  /** Stores the writes of one command, script or transaction, all or none of them. */
  readonly record: (group: readonly Command[]) => void;
}

/** Runs commands on data in memory. Every method is one atomic unit and never waits. */
export interface Engine {
  readonly keys: Keyspace;
  execute(command: Command): Reply;
  multi(commands: readonly Command[]): readonly Reply[] | Failure;
  /** Repeats recorded writes; nothing expires meanwhile, because expiries were recorded as well. */
  replay(group: readonly Command[]): void;
}

/** Creates an empty engine. */
export function createEngine(deps: EngineDeps): Engine {
  const { commands, random, publish } = deps;
  let now = -Infinity;
  let group: Command[] = [];
  const keys = createKeyspace({
    now: () => now,
    onExpired: (key) => group.push(["DEL", key]),
  });

  function call(command: Command, script?: { readonly isReadOnly: boolean }): Reply {
    try {
      const { name, spec } = resolve(commands, command, script !== undefined);
      if (script) requireAllowedIn(script, spec);
      return run(command, name, spec);
    } catch (error) {
      if (error instanceof CommandError) return { error: error.message };
      throw error;
    }
  }
  function run(command: Command, name: string, spec: CommandSpec): Reply {
    let effects: readonly Command[] = [command];
    const log = (...instead: readonly Command[]) => {
      effects = instead;
    };
    const context: Context = { keys, now, random, publish, call, log };
    const reply = spec.run(context, command.slice(1), name);
    if (spec.writes || spec.mayReplicate) group.push(...effects);
    return reply;
  }
  function unit<T>(work: () => T): T {
    now = deps.now();
    group = [];
    const result = work();
    if (group.length > 0) {
      keys.expireSome(checkedPerWrite);
      deps.record(group);
    }
    return result;
  }
  return {
    keys,
    execute: (command) => unit(() => call(command)),
    multi(queued) {
      for (const command of queued) {
        const refused = refusalOf(commands, command);
        if (refused) return discarded(refused);
      }
      return unit(() => queued.map((command) => call(command)));
    },
    replay(recorded) {
      now = -Infinity;
      for (const command of recorded) {
        const { name, spec } = resolve(commands, command);
        run(command, name, spec);
      }
      group = [];
    },
  };
}

function requireAllowedIn({ isReadOnly }: { isReadOnly: boolean }, spec: CommandSpec): void {
  if (spec.notInScripts) throw refusal("notInScripts");
  if (isReadOnly && (spec.writes || spec.mayReplicate)) throw refusal("writeInReadOnlyScript");
}

function resolve(
  commands: CommandTable,
  command: Command,
  inScript = false,
): { name: string; spec: CommandSpec } {
  const given = command[0] ?? "";
  const name = given.toUpperCase();
  const spec = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!spec) {
    throw new CommandError(
      `ERR unknown command '${given.slice(0, 128)}': the embedded engine does not have it, ` +
        "set REDIS_URL to use a real Redis",
    );
  }
  if (!fitsArity(spec, command.length)) throw inScript ? refusal("scriptArity") : wrongArity(name);
  return { name, spec };
}

function refusalOf(commands: CommandTable, command: Command): string | undefined {
  try {
    resolve(commands, command);
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}
