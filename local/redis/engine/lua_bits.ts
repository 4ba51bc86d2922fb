import type { LuaState } from "./lua_module.ts";

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
