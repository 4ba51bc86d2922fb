import type { Command } from "../backend.ts";
import type { Bytes } from "../bytes.ts";
import type { Entry, Keyspace } from "./keyspace.ts";
import { formatFloat } from "./numbers.ts";

const wordsPerCommand = 1000;

/** Writes the shortest commands that create these keys again, one group for each key. */
export function* snapshot(
  keys: Keyspace,
  { last = [] }: { readonly last?: readonly Bytes[] } = {},
): Iterable<readonly Command[]> {
  const atEnd: (readonly Command[])[] = [];
  for (const [key, entry] of keys.entries()) {
    const commands = toCommands(key, entry);
    if (entry.expiresAt !== null) commands.push(["PEXPIREAT", key, String(entry.expiresAt)]);
    if (last.includes(key)) atEnd.push(commands);
    else yield commands;
  }
  yield* atEnd;
}

function toCommands(key: Bytes, entry: Entry): Command[] {
  switch (entry.type) {
    case "string":
      return [["SET", key, entry.value]];
    case "hash":
      return inParts("HSET", key, [...entry.value].flat());
    case "set":
      return inParts("SADD", key, [...entry.value]);
    case "list":
      return inParts("RPUSH", key, entry.value);
    case "zset":
      return inParts(
        "ZADD",
        key,
        entry.value.ranking.flatMap(({ member, score }) => [formatFloat(score), member]),
      );
  }
}

function inParts(name: string, key: Bytes, words: readonly Bytes[]): Command[] {
  const commands: Command[] = [];
  for (let from = 0; from < words.length; from += wordsPerCommand) {
    commands.push([name, key, ...words.slice(from, from + wordsPerCommand)]);
  }
  return commands;
}
