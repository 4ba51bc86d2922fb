import { type Bytes, ok, type Reply } from "../protocol.ts";
import { at, type CommandTable, type Context, reads, writes } from "./command.ts";
import {
  CommandError,
  readCount,
  readPositive,
  refusal,
  resolveRange,
  wrongArity,
} from "./arguments.ts";

type End = "LEFT" | "RIGHT";

/** Lists, from either end. */
export const listCommands: CommandTable = {
  LPUSH: writes(-3, (context, args) => push(context, args, "LEFT")),
  RPUSH: writes(-3, (context, args) => push(context, args, "RIGHT")),
  LPUSHX: writes(-3, (context, args) => pushIfThere(context, args, "LEFT")),
  RPUSHX: writes(-3, (context, args) => pushIfThere(context, args, "RIGHT")),
  LPOP: writes(-2, (context, args) => pop(context, args, "LEFT")),
  RPOP: writes(-2, (context, args) => pop(context, args, "RIGHT")),
  LLEN: reads(2, (context, args) => items(context, args).length),
  LRANGE: reads(4, range),
  LINDEX: reads(3, (context, args) => items(context, args).at(readCount(at(args, 1))) ?? null),
  LSET: writes(4, setItem),
  LINSERT: writes(5, insert),
  LREM: writes(4, remove),
  LTRIM: writes(4, trim),
  LPOS: reads(
    -3,
    (context, args) => listPositions(() => items(context, args), at(args, 1), args.slice(2)),
  ),
  LMOVE: writes(5, moveBetween),
  RPOPLPUSH: writes(3, (context, args) => move(context, at(args, 0), at(args, 1), "RIGHT", "LEFT")),
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

interface PositionOptions {
  readonly rank: number;
  readonly count?: number;
  readonly maxLength: number;
}

/** Replies to LPOS; the options, `words`, are read before the list, as Redis's errors show. */
export function listPositions(
  find: () => readonly Bytes[],
  element: Bytes,
  words: readonly Bytes[],
): Reply {
  const { rank, count, maxLength } = readOptions(words);
  const list = find();
  const order = [...list.keys()];
  if (rank < 0) order.reverse();
  const looked = maxLength === 0 ? order : order.slice(0, maxLength);
  const found = looked.filter((index) => list[index] === element).slice(Math.abs(rank) - 1);
  if (count === undefined) return found[0] ?? null;
  return count === 0 ? found : found.slice(0, count);
}

function readOptions(words: readonly Bytes[]): PositionOptions {
  let options: PositionOptions = { rank: 1, maxLength: 0 };
  for (let index = 0; index < words.length; index += 2) {
    const value = words[index + 1];
    if (value === undefined) throw refusal("syntax");
    switch (at(words, index).toUpperCase()) {
      case "RANK":
        options = { ...options, rank: readRank(value) };
        break;
      case "COUNT":
        options = { ...options, count: readNotNegative(value, "COUNT") };
        break;
      case "MAXLEN":
        options = { ...options, maxLength: readNotNegative(value, "MAXLEN") };
        break;
      default:
        throw refusal("syntax");
    }
  }
  return options;
}

function readRank(text: Bytes): number {
  const rank = readCount(text);
  if (rank !== 0) return rank;
  throw new CommandError(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use " +
      "negative to start from the end of the list",
  );
}

function readNotNegative(text: Bytes, name: string): number {
  const count = readCount(text, `ERR ${name} can't be negative`);
  if (count < 0) throw new CommandError(`ERR ${name} can't be negative`);
  return count;
}
