import type { Bytes } from "../bytes.ts";
import { CommandError } from "./errors.ts";
import { readCount, readPositive } from "./numbers.ts";

const maxRepeats = 1_000_000;

/** Reads the count of the RAND commands: negative means that the same item may come again. */
export function readDraw(text: Bytes): { count: number; repeats: boolean } {
  const count = readCount(text);
  if (count < -maxRepeats) throw new CommandError("ERR value is out of range");
  return { count: Math.abs(count), repeats: count < 0 };
}

/** Reads the count of the POP commands. */
export function readPopCount(text: Bytes | undefined): number {
  return text === undefined ? 1 : readPositive(text);
}

/** Draws at most `count` different items, in their order (Floyd's sampling). */
export function drawDistinct<T>(items: readonly T[], count: number, random: () => number): T[] {
  if (count >= items.length) return [...items];
  const chosen = new Set<number>();
  for (let top = items.length - count; top < items.length; top++) {
    const index = Math.floor(random() * (top + 1));
    chosen.add(chosen.has(index) ? top : index);
  }
  return items.filter((_item, index) => chosen.has(index));
}

/** Draws exactly `count` items, each from all of them; none if there are none. */
export function drawRepeated<T>(items: readonly T[], count: number, random: () => number): T[] {
  if (items.length === 0) return [];
  return Array.from({ length: count }).flatMap(() => {
    const start = Math.floor(random() * items.length);
    return items.slice(start, start + 1);
  });
}
