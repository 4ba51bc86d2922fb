import { type Bytes, fromOctets, isFailure, isList, type Reply, toOctets } from "../protocol.ts";
import { CommandError, formatFloat } from "./arguments.ts";

/** A `lua_State *` or another address in the module's memory. */
type Address = number;

/** The part of the Lua 5.1 C API that the engine uses, as Emscripten exports it. */
export interface LuaModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAPU32: Uint32Array;
  _malloc(size: number): Address;
  _free(address: Address): void;
  addFunction(run: (...args: number[]) => number | void, signature: string): Address;
  _lua_gettop(state: Address): number;
  _lua_settop(state: Address, index: number): void;
  _lua_checkstack(state: Address, extra: number): number;
  _lua_type(state: Address, index: number): number;
  _lua_pushnil(state: Address): void;
  _lua_pushboolean(state: Address, value: number): void;
  _lua_pushnumber(state: Address, value: number): void;
  _lua_pushlstring(state: Address, text: Address, length: number): void;
  _lua_pushvalue(state: Address, index: number): void;
  _lua_pushcclosure(state: Address, run: Address, upvalues: number): void;
  _lua_toboolean(state: Address, index: number): number;
  _lua_tonumber(state: Address, index: number): number;
  _lua_tolstring(state: Address, index: number, length: Address): Address;
  _lua_createtable(state: Address, items: number, fields: number): void;
  _lua_rawget(state: Address, index: number): void;
  _lua_rawgeti(state: Address, index: number, item: number): void;
  _lua_rawset(state: Address, index: number): void;
  _lua_rawseti(state: Address, index: number, item: number): void;
  _lua_pcall(state: Address, args: number, results: number, handler: number): number;
  _lua_error(state: Address): number;
  _lua_sethook(state: Address, hook: Address, mask: number, count: number): void;
  _luaL_loadbuffer(state: Address, code: Address, size: number, name: Address): number;
}

export const luaTypes = { nil: 0, boolean: 1, number: 3, string: 4, table: 5 } as const;

/** A Lua state whose strings are bytes; the package's own conversions would take them for UTF-8. */
export interface LuaState {
  readonly api: LuaModule;
  readonly address: Address;
  pushBytes(text: Bytes): void;
  toBytes(index: number): Bytes;
  /** The same machine seen from a coroutine, which has a stack of its own. */
  on(address: Address): LuaState;
  /** Compiles a chunk onto the stack and returns true, or pushes the message and returns false. */
  load(code: Bytes, name: Bytes): boolean;
}

/** Starts a Lua 5.1 virtual machine; the package is loaded by the first call only. */
export async function startLua(): Promise<LuaState> {
  const { Lua } = await import("wasmoon-lua5.1");
  const { global, luaApi } = await Lua.create();
  const api = toLuaModule(luaApi.module);
  return createState(api, global.address, api._malloc(4));
}

function createState(api: LuaModule, address: Address, length: Address): LuaState {
  function withBytes<T>(text: Bytes, use: (at: Address) => T): T {
    const at = api._malloc(text.length + 1);
    try {
      api.HEAPU8.set(toOctets(text), at);
      api.HEAPU8[at + text.length] = 0;
      return use(at);
    } finally {
      api._free(at);
    }
  }
  const state: LuaState = {
    api,
    address,
    on: (other) => other === address ? state : createState(api, other, length),
    pushBytes: (text) => withBytes(text, (at) => api._lua_pushlstring(address, at, text.length)),
    toBytes(index) {
      const at = api._lua_tolstring(address, index, length);
      if (at === 0) throw new TypeError("Cannot read a Lua value as string: it is none");
      return fromOctets(api.HEAPU8.subarray(at, at + (api.HEAPU32[length >>> 2] ?? 0)));
    },
    load: (code, name) =>
      withBytes(
        code,
        (codeAt) =>
          withBytes(name, (nameAt) =>
            api._luaL_loadbuffer(address, codeAt, code.length, nameAt) === 0),
      ),
  };
  return state;
}

/**
 * The package's type of its module lacks the raw exports. They are there: its build lists the
 * complete Lua API, and its own wrappers are made of them by name. The version is pinned.
 */
function toLuaModule(module: unknown): LuaModule {
  return module as LuaModule;
}

const maxDepth = 1000;
const slotsPerLevel = 6;

/** Pushes a reply as Redis converts it for scripts: nil is false, statuses and errors are tables. */
export function pushReply(lua: LuaState, reply: Reply): void {
  const { api, address } = lua;
  api._lua_checkstack(address, slotsPerLevel);
  if (reply === null) api._lua_pushboolean(address, 0);
  else if (typeof reply === "string") lua.pushBytes(reply);
  else if (typeof reply !== "object") api._lua_pushnumber(address, Number(reply));
  else if (isList(reply)) {
    api._lua_createtable(address, reply.length, 0);
    for (const [index, item] of reply.entries()) {
      pushReply(lua, item);
      api._lua_rawseti(address, -2, index + 1);
    }
  } else if (isFailure(reply)) pushField(lua, "err", reply.error);
  else pushField(lua, "ok", reply.status);
}

/** Pushes a table of strings, as KEYS and ARGV are. */
export function pushStrings(lua: LuaState, strings: readonly Bytes[]): void {
  pushReply(lua, strings);
}

/** Reads what a script returned at `index`, by the rules of Redis: numbers lose their fraction. */
export function readReply(lua: LuaState, index: number, depth = 0): Reply {
  const { api, address } = lua;
  switch (api._lua_type(address, index)) {
    case luaTypes.string:
      return lua.toBytes(index);
    case luaTypes.number:
      return Math.trunc(api._lua_tonumber(address, index)) || 0;
    case luaTypes.boolean:
      return api._lua_toboolean(address, index) ? 1 : null;
    case luaTypes.table:
      return readTable(lua, index, depth);
    default:
      return null;
  }
}

function readTable(lua: LuaState, index: number, depth: number): Reply {
  const { api, address } = lua;
  if (depth > maxDepth || !api._lua_checkstack(address, slotsPerLevel)) {
    throw new CommandError("ERR reached lua stack limit");
  }
  const error = readField(lua, index, "err");
  if (error !== undefined) return { error: error.replace(/[\r\n]+/g, " ") };
  const status = readField(lua, index, "ok");
  if (status !== undefined) return { status: status.replace(/[\r\n]+/g, " ") };
  const items: Reply[] = [];
  for (let item = 1;; item++) {
    api._lua_rawgeti(address, index, item);
    const isEnd = api._lua_type(address, -1) === luaTypes.nil;
    if (!isEnd) items.push(readReply(lua, api._lua_gettop(address), depth + 1));
    api._lua_settop(address, -2);
    if (isEnd) return items;
  }
}

/** Reads a field of the table at an absolute `index` if it is a string. */
export function readField(lua: LuaState, index: number, name: string): Bytes | undefined {
  const { api, address } = lua;
  lua.pushBytes(name);
  api._lua_rawget(address, index);
  const isString = api._lua_type(address, -1) === luaTypes.string;
  const value = isString ? lua.toBytes(-1) : undefined;
  api._lua_settop(address, -2);
  return value;
}

/** Reads the arguments that a script gave to `redis.call`, from the stack's slot `first` on. */
export function readWords(lua: LuaState, first: number): Bytes[] {
  const { api, address } = lua;
  const words: Bytes[] = [];
  for (let index = first; index <= api._lua_gettop(address); index++) {
    const type = api._lua_type(address, index);
    if (type === luaTypes.string) words.push(lua.toBytes(index));
    else if (type === luaTypes.number) words.push(formatFloat(api._lua_tonumber(address, index)));
    else {
      throw new CommandError("ERR Lua redis lib command arguments must be strings or integers");
    }
  }
  return words;
}

/** Pushes a parsed JSON value; null becomes the value at the absolute index `nullAt`. */
export function pushJson(lua: LuaState, value: unknown, nullAt: number): void {
  const { api, address } = lua;
  api._lua_checkstack(address, slotsPerLevel);
  if (typeof value === "string") lua.pushBytes(value);
  else if (typeof value === "number") api._lua_pushnumber(address, value);
  else if (typeof value === "boolean") api._lua_pushboolean(address, Number(value));
  else if (typeof value !== "object" || value === null) api._lua_pushvalue(address, nullAt);
  else if (Array.isArray(value)) {
    api._lua_createtable(address, value.length, 0);
    for (const [index, item] of value.entries()) {
      pushJson(lua, item, nullAt);
      api._lua_rawseti(address, -2, index + 1);
    }
  } else {
    api._lua_createtable(address, 0, 0);
    for (const [name, item] of Object.entries(value)) {
      lua.pushBytes(name);
      pushJson(lua, item, nullAt);
      api._lua_rawset(address, -3);
    }
  }
}

function pushField(lua: LuaState, name: string, value: Bytes): void {
  lua.api._lua_createtable(lua.address, 0, 1);
  lua.pushBytes(name);
  lua.pushBytes(value);
  lua.api._lua_rawset(lua.address, -3);
}
