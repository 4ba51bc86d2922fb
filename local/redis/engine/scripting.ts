import { type Bytes, type Command, ok, type Reply } from "../protocol.ts";
import { at, type CommandTable, type Context } from "./command.ts";
import { CommandError, readCount, refusal } from "./arguments.ts";
import { createLuaRuntime, type LuaRuntime, sha1Hex } from "./lua.ts";

export interface Scripting {
  readonly commands: CommandTable;
  /** Must have resolved before the first command for which `needsLua` is true. */
  prepare(): Promise<void>;
  /** Whether a command must wait: it is a script, or Lua is being loaded for an earlier one. */
  needsLua(command: Command): boolean;
}

/** Creates the commands that run Lua. Scripts are lost with the process, as in Redis. */
export function createScripting(): Scripting {
  const scripts = new Map<string, Bytes>();
  let runtime: LuaRuntime | undefined;
  let loading: Promise<void> | undefined;

  function lua(): LuaRuntime {
    if (!runtime) throw new Error("Cannot run a script: Lua is not loaded");
    return runtime;
  }
  async function load(): Promise<void> {
    runtime = await createLuaRuntime();
  }
  function remember(code: Bytes): string {
    const sha = sha1Hex(code);
    if (!scripts.has(sha)) {
      lua().compile(code);
      scripts.set(sha, code);
    }
    return sha;
  }
  function evaluate(context: Context, args: readonly Bytes[], name: string): Reply {
    remember(at(args, 0));
    return runScript({ lua: lua(), code: at(args, 0), name }, context, args.slice(1));
  }
  function evaluateKnown(context: Context, args: readonly Bytes[], name: string): Reply {
    const code = scripts.get(at(args, 0).toLowerCase());
    if (code === undefined) {
      throw new CommandError("NOSCRIPT No matching script. Please use EVAL.");
    }
    return runScript({ lua: lua(), code, name }, context, args.slice(1));
  }
  function script(_context: Context, [action = "", ...rest]: readonly Bytes[]): Reply {
    const [name, first] = [action.toUpperCase(), rest[0]];
    if (name === "LOAD" && first !== undefined && rest.length === 1) return remember(first);
    if (name === "EXISTS" && first !== undefined) {
      return rest.map((sha) => scripts.has(sha.toLowerCase()) ? 1 : 0);
    }
    if (name === "FLUSH" && rest.length <= 1) {
      scripts.clear();
      return ok;
    }
    throw new CommandError(
      `ERR unknown subcommand or wrong number of arguments for '${action}'. Try SCRIPT HELP.`,
    );
  }
  return {
    commands: {
      EVAL: { arity: -3, notInScripts: true, run: evaluate },
      EVALSHA: { arity: -3, notInScripts: true, run: evaluateKnown },
      EVAL_RO: { arity: -3, notInScripts: true, run: evaluate },
      EVALSHA_RO: { arity: -3, notInScripts: true, run: evaluateKnown },
      SCRIPT: { arity: -2, notInScripts: true, run: script },
    },
    prepare: () => loading ??= load(),
    needsLua(command) {
      if (runtime) return false;
      return loading !== undefined || /^(?:eval|script)/i.test(command[0] ?? "");
    },
  };
}

function runScript(
  { lua, code, name }: { lua: LuaRuntime; code: Bytes; name: string },
  context: Context,
  [count = "", ...words]: readonly Bytes[],
): Reply {
  const keyCount = readCount(count);
  if (keyCount > words.length) {
    throw new CommandError("ERR Number of keys can't be greater than number of args");
  }
  if (keyCount < 0) throw new CommandError("ERR Number of keys can't be negative");
  const isReadOnly = readMode(code, name);
  const call = (command: readonly Bytes[]) => context.call(command, { isReadOnly });
  return lua.run({ code, keys: words.slice(0, keyCount), args: words.slice(keyCount), call });
}

/**
 * Whether a script may only read: by its own declaration in its first line, or else by the command
 * that runs it. A line with Upstash's own flag declares nothing, as it does in front of a real
 * Redis.
 *
 * @throws {CommandError} for a script that declares itself a writer, by a command of readers
 */
function readMode(code: Bytes, name: string): boolean {
  const isReader = name.endsWith("_RO");
  const [, flags] = /^#!lua(?:[^\n]*?\bflags=([^\s]*))?/.exec(code) ?? [];
  const declares = code.startsWith("#!") && !flags?.split(",").includes("allow-key-locking");
  if (!declares) return isReader;
  const declaresReader = flags?.split(",").includes("no-writes") ?? false;
  if (isReader && !declaresReader) throw refusal("readOnlyOfWriter");
  return declaresReader;
}
