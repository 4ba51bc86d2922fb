import { createHash } from "node:crypto";
import {
  type Bytes,
  type Failure,
  isFailure,
  type Reply,
  toBytes,
  toOctets,
  toText,
} from "../protocol.ts";
import { CommandError, refusal } from "./arguments.ts";
import {
  type LuaState,
  pushJson,
  pushReply,
  pushStrings,
  readField,
  readReply,
  readWords,
  startLua,
} from "./lua_state.ts";
import { luaPrelude, overtime, scriptChunkName } from "./lua_prelude.ts";

const countHook = 8;
const instructionsPerCheck = 10_000;
const maxScriptMs = 5000;

export interface Script {
  readonly code: Bytes;
  readonly keys: readonly Bytes[];
  readonly args: readonly Bytes[];
  /** Runs a command of the script. */
  readonly call: (command: readonly Bytes[]) => Reply;
}

/** Runs scripts as Redis 7 does: one after the other, with no state shared between them. */
export interface LuaRuntime {
  /** @throws {CommandError} if the code is not valid Lua */
  compile(code: Bytes): void;
  run(script: Script): Reply;
}

/** Names a script by the SHA-1 of its code, in lower-case hexadecimal. */
export function sha1Hex(code: Bytes): string {
  return createHash("sha1").update(toOctets(code)).digest("hex");
}

/** Starts Lua with the functions that Redis gives to scripts. */
export async function createLuaRuntime(
  { elapsedMs = () => performance.now() }: { elapsedMs?: () => number } = {},
): Promise<LuaRuntime> {
  const lua = await startLua();
  const { api, address } = lua;
  let call: Script["call"] = () => ({ error: "ERR no script runs" });
  let deadline = Infinity;
  const bugs: unknown[] = [];
  const isOver = () => elapsedMs() >= deadline;
  loadPrelude(lua, {
    call: (command) => call(command),
    isOver,
    onBug: (error) => bugs.push(error),
  });
  const runner = api._lua_gettop(address);
  const hook = api.addFunction((state = 0) => {
    if (!isOver()) return;
    lua.on(state).pushBytes(overtime);
    api._lua_error(state);
  }, "vii");
  api._lua_sethook(address, hook, countHook, instructionsPerCheck);

  function compile(code: Bytes): void {
    // A first line such as `#!lua flags=allow-key-locking` is for servers and is not Lua.
    const body = code.replace(/^#![^\n]*/, "");
    if (lua.load(body, scriptChunkName)) return;
    const message = lua.toBytes(-1);
    throw new CommandError(`ERR Error compiling script (new function): ${message}`);
  }
  function run(script: Script): Reply {
    api._lua_pushvalue(address, runner);
    compile(script.code);
    pushStrings(lua, script.keys);
    pushStrings(lua, script.args);
    call = script.call;
    deadline = elapsedMs() + maxScriptMs;
    const status = api._lua_pcall(address, 3, 2, 0);
    deadline = Infinity;
    if (bugs.length > 0) throw bugs.splice(0)[0];
    if (status !== 0) return { error: `ERR ${lua.toBytes(-1)}` };
    const result = api._lua_gettop(address);
    if (api._lua_toboolean(address, result - 1)) return readReply(lua, result);
    return explain(lua, result, sha1Hex(script.code));
  }
  return {
    compile: (code) => restoringStack(lua, () => compile(code)),
    run: (script) => restoringStack(lua, () => run(script)),
  };
}

function restoringStack<T>(lua: LuaState, work: () => T): T {
  const top = lua.api._lua_gettop(lua.address);
  try {
    return work();
  } finally {
    lua.api._lua_settop(lua.address, top);
  }
}

function explain(lua: LuaState, index: number, sha: string): Failure {
  const message = readField(lua, index, "err") ?? "ERR unknown error";
  lua.pushBytes("line");
  lua.api._lua_rawget(lua.address, index);
  const line = lua.api._lua_tonumber(lua.address, -1);
  const place = line > 0 ? ` script: ${sha}, on ${scriptChunkName}:${line}.` : "";
  return { error: message + place };
}

interface Host {
  readonly call: Script["call"];
  /**
   * Whether the script has used up its time; errors that it catches afterwards are raised again.
   */
  readonly isOver: () => boolean;
  /** Takes an error that is no command's; it is thrown when the script has ended. */
  readonly onBug: (error: unknown) => void;
}

function loadPrelude(lua: LuaState, host: Host): void {
  if (!lua.load(luaPrelude, "=prelude")) throw new Error(`Cannot start Lua: ${lua.toBytes(-1)}`);
  const functions: readonly ((lua: LuaState) => number | void)[] = [
    (lua) => {
      const reply = callFromScript(lua, host);
      pushReply(lua, reply);
      if (isFailure(reply)) lua.api._lua_error(lua.address);
    },
    (lua) => pushReply(lua, callFromScript(lua, host)),
    (lua) => lua.pushBytes(sha1Hex(lua.toBytes(1))),
    (lua) => pushDecoded(lua),
    (lua) => lua.api._lua_pushnumber(lua.address, readBitOperation(lua)),
    (lua) => lua.api._lua_pushboolean(lua.address, Number(host.isOver())),
  ];
  for (const work of functions) pushFunction(lua, work);
  if (lua.api._lua_pcall(lua.address, functions.length, 1, 0) !== 0) {
    throw new Error(`Cannot start Lua: ${lua.toBytes(-1)}`);
  }
}

/**
 * A host function gets the stack it is called on, and returns how many results it pushed if not
 * one. It must throw only Lua's own errors: others would unwind Lua's frames without cleanup.
 */
function pushFunction(lua: LuaState, work: (lua: LuaState) => number | void): void {
  const run = lua.api.addFunction((address = 0) => work(lua.on(address)) ?? 1, "ii");
  lua.api._lua_pushcclosure(lua.address, run, 0);
}

function callFromScript(lua: LuaState, { call, onBug }: Host): Reply {
  try {
    const words = readWords(lua, 1);
    if (words.length > 0) return call(words);
    throw refusal("noScriptWords");
  } catch (error) {
    if (error instanceof CommandError) return { error: error.message };
    onBug(error);
    return { error: "ERR internal error" };
  }
}

/** Strings inside are decoded to text for the parser and back to bytes for Lua. */
function pushDecoded(lua: LuaState): number {
  const { api, address } = lua;
  try {
    const value: unknown = JSON.parse(
      toText(lua.toBytes(2)),
      (_key, item) => typeof item === "string" ? toBytes(item) : item,
    );
    api._lua_pushboolean(address, 1);
    pushJson(lua, value, 1);
  } catch {
    api._lua_pushboolean(address, 0);
    lua.pushBytes("Expected value but found invalid token");
  }
  return 2;
}

/** The functions of Lua's `bit` library on 32-bit integers. */
const operations: Readonly<Record<string, (left: number, right: number) => number>> = {
  tobit: (value) => value,
  bnot: (value) => ~value,
  bswap: (value) =>
    (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24),
  band: (left, right) => left & right,
  bor: (left, right) => left | right,
  bxor: (left, right) => left ^ right,
  lshift: (value, by) => value << by,
  rshift: (value, by) => value >>> by,
  arshift: (value, by) => value >> by,
  rol: (value, by) => (value << by) | (value >>> (32 - (by & 31))),
  ror: (value, by) => (value >>> by) | (value << (32 - (by & 31))),
};

/** Runs the operation named by the first argument on the others, from left to right. */
export function readBitOperation(lua: LuaState): number {
  const { api, address } = lua;
  const [name, count] = [lua.toBytes(1), api._lua_gettop(address) - 1];
  const operation = operations[name];
  const operands = Array.from({ length: count }, (_operand, index) => {
    return toInt32(api._lua_tonumber(address, index + 2));
  });
  const [first = 0, ...others] = operands;
  if (!operation) return first;
  if (others.length > 0) return others.reduce((left, right) => operation(left, right) | 0, first);
  return name === "band" ? first : operation(first, 0) | 0;
}

/** Rounds as LuaBitOp does and wraps modulo 2^32. */
function toInt32(value: number): number {
  return Math.round(value) | 0;
}
