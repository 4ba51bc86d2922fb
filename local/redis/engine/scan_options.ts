import type { Bytes } from "../bytes.ts";
import type { Reply } from "../reply.ts";
import { at } from "./command.ts";
import { refusal } from "./errors.ts";
import { compileGlob } from "./glob.ts";
import { readCount } from "./numbers.ts";

export interface ScanOptions {
  readonly matches: (text: Bytes) => boolean;
  readonly count: number;
  readonly type?: string;
}

/** Reads a cursor, which Redis takes to be an unsigned decimal number. */
export function readCursor(text: Bytes): number {
  if (!/^\d{1,20}$/.test(text)) throw refusal("invalidCursor");
  return Number(text);
}

/** Reads the options after the cursor of SCAN, HSCAN, SSCAN and ZSCAN; only SCAN has TYPE. */
export function readScanOptions(
  words: readonly Bytes[],
  { allowType = false }: { allowType?: boolean } = {},
): ScanOptions {
  let options: ScanOptions = { matches: () => true, count: 10 };
  for (let index = 0; index < words.length; index += 2) {
    const value = words[index + 1];
    const word = at(words, index).toUpperCase();
    if (value === undefined) throw refusal("syntax");
    if (word === "MATCH") options = { ...options, matches: compileGlob(value) };
    else if (word === "COUNT") options = { ...options, count: readScanCount(value) };
    else if (word === "TYPE" && allowType) options = { ...options, type: value.toLowerCase() };
    else throw refusal("syntax");
  }
  return options;
}

/**
 * Replies to a scan of one collection with all of it and the closing cursor. That fulfils SCAN's
 * guarantee (every element that stays there is returned) whatever changes between calls; COUNT is
 * only a hint.
 */
export function scanReply(
  args: readonly Bytes[],
  items: Iterable<readonly [Bytes, ...Bytes[]]>,
): Reply {
  readCursor(at(args, 1));
  const { matches } = readScanOptions(args.slice(2));
  const found: Bytes[] = [];
  for (const item of items) {
    if (matches(item[0])) found.push(...item);
  }
  return ["0", found];
}

function readScanCount(text: Bytes): number {
  const count = readCount(text);
  if (count < 1) throw refusal("syntax");
  return count;
}
