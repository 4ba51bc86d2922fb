import type { Bytes } from "../bytes.ts";
import { ok, type Reply } from "../reply.ts";
import { at, type CommandTable, type Context } from "./command.ts";
import { refusal, wrongArity } from "./errors.ts";
import { listPositions } from "./list_positions.ts";
import { readCount, readPositive, resolveRange } from "./numbers.ts";

type End = "LEFT" | "RIGHT";

/** Lists, from either end. */
export const listCommands: CommandTable = {
  LPUSH: { arity: -3, writes: true, run: (context, args) => push(context, args, "LEFT") },
  RPUSH: { arity: -3, writes: true, run: (context, args) => push(context, args, "RIGHT") },
  LPUSHX: { arity: -3, writes: true, run: (context, args) => pushIfThere(context, args, "LEFT") },
  RPUSHX: { arity: -3, writes: true, run: (context, args) => pushIfThere(context, args, "RIGHT") },
  LPOP: { arity: -2, writes: true, run: (context, args) => pop(context, args, "LEFT") },
  RPOP: { arity: -2, writes: true, run: (context, args) => pop(context, args, "RIGHT") },
  LLEN: { arity: 2, run: (context, args) => items(context, args).length },
  LRANGE: { arity: 4, run: range },
  LINDEX: {
    arity: 3,
    run: (context, args) => items(context, args).at(readCount(at(args, 1))) ?? null,
  },
  LSET: { arity: 4, writes: true, run: setItem },
  LINSERT: { arity: 5, writes: true, run: insert },
  LREM: { arity: 4, writes: true, run: remove },
  LTRIM: { arity: 4, writes: true, run: trim },
  LPOS: {
    arity: -3,
    run: (context, args) => listPositions(() => items(context, args), at(args, 1), args.slice(2)),
  },
  LMOVE: { arity: 5, writes: true, run: moveBetween },
  RPOPLPUSH: {
    arity: 3,
    writes: true,
    run: (context, args) => move(context, at(args, 0), at(args, 1), "RIGHT", "LEFT"),
  },
};

function items({ keys }: Context, args: readonly Bytes[]): readonly Bytes[] {
  return keys.read(at(args, 0), "list") ?? [];
}

function push({ keys }: Context, [key = "", ...values]: readonly Bytes[], end: End): number {
  const list = keys.open(key, "list");
  // One by one: spread into one call, a hundred thousand values overflow the stack.
  for (const value of values) {
    if (end === "LEFT") list.unshift(value);
    else list.push(value);
  }
  return list.length;
}

function pushIfThere(context: Context, args: readonly Bytes[], end: End): Reply {
  return items(context, args).length === 0 ? 0 : push(context, args, end);
}

function pop({ keys }: Context, args: readonly Bytes[], end: End): Reply {
  if (args.length > 2) throw wrongArity(end === "LEFT" ? "lpop" : "rpop");
  const [key, countText] = [at(args, 0), args[1]];
  const count = countText === undefined ? 1 : readPositive(countText);
  const list = keys.read(key, "list");
  if (!list) return null;
  const popped = end === "LEFT"
    ? list.splice(0, count)
    : list.splice(Math.max(list.length - count, 0)).reverse();
  keys.tidy(key);
  return countText === undefined ? popped[0] ?? null : popped;
}

function range(context: Context, args: readonly Bytes[]): Reply {
  const [start, stop] = [readCount(at(args, 1)), readCount(at(args, 2))];
  const list = items(context, args);
  const { from, to } = resolveRange(start, stop, list.length);
  return list.slice(from, to);
}

function setItem({ keys }: Context, args: readonly Bytes[]): Reply {
  const list = keys.read(at(args, 0), "list");
  if (!list) throw refusal("noSuchKey");
  const index = readCount(at(args, 1));
  const position = index < 0 ? index + list.length : index;
  if (position < 0 || position >= list.length) throw refusal("indexOutOfRange");
  list[position] = at(args, 2);
  return ok;
}

function insert({ keys }: Context, args: readonly Bytes[]): Reply {
  const side = at(args, 1).toUpperCase();
  if (side !== "BEFORE" && side !== "AFTER") throw refusal("syntax");
  const list = keys.read(at(args, 0), "list");
  if (!list) return 0;
  const pivot = list.indexOf(at(args, 2));
  if (pivot < 0) return -1;
  list.splice(side === "BEFORE" ? pivot : pivot + 1, 0, at(args, 3));
  return list.length;
}

function remove({ keys }: Context, args: readonly Bytes[]): Reply {
  const [key, count, value] = [at(args, 0), readCount(at(args, 1)), at(args, 2)];
  const list = keys.read(key, "list");
  if (!list) return 0;
  const found = [...list.keys()].filter((index) => list[index] === value);
  const chosen = count < 0 ? found.slice(count) : found.slice(0, count || undefined);
  for (const index of chosen.reverse()) list.splice(index, 1);
  keys.tidy(key);
  return chosen.length;
}

function trim({ keys }: Context, args: readonly Bytes[]): Reply {
  const [start, stop] = [readCount(at(args, 1)), readCount(at(args, 2))];
  const list = keys.read(at(args, 0), "list");
  if (!list) return ok;
  const { from, to } = resolveRange(start, stop, list.length);
  list.splice(to);
  list.splice(0, from);
  keys.tidy(at(args, 0));
  return ok;
}

function moveBetween(context: Context, args: readonly Bytes[]): Reply {
  const [from, to] = [at(args, 2).toUpperCase(), at(args, 3).toUpperCase()];
  if (!isEnd(from) || !isEnd(to)) throw refusal("syntax");
  return move(context, at(args, 0), at(args, 1), from, to);
}

function isEnd(word: string): word is End {
  return word === "LEFT" || word === "RIGHT";
}

function move({ keys }: Context, from: Bytes, to: Bytes, take: End, give: End): Reply {
  const source = keys.read(from, "list");
  if (!source) return null;
  keys.read(to, "list");
  const value = take === "LEFT" ? source.shift() : source.pop();
  if (value === undefined) return null;
  const target = keys.open(to, "list");
  if (give === "LEFT") target.unshift(value);
  else target.push(value);
  keys.tidy(from);
  return value;
}
