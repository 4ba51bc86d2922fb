import type { Bytes } from "../bytes.ts";
import type { Reply } from "../reply.ts";
import { at } from "./command.ts";
import { CommandError, refusal } from "./errors.ts";
import { readCount } from "./numbers.ts";

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
