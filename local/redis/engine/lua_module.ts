import { type Bytes, fromOctets, toOctets } from "../bytes.ts";

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
