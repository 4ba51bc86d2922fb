import type { Bytes } from "../bytes.ts";
import { isFailure, isList, type Reply } from "../reply.ts";
import { CommandError } from "./errors.ts";
import { type LuaState, luaTypes } from "./lua_module.ts";
import { formatFloat } from "./numbers.ts";

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
