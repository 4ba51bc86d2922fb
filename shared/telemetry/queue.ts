/** Holds items until they are sent. */
export interface Queue<Item> {
  /** Adds an item; a full queue drops it. */
  push(item: Item): void;
  /** Removes up to `max` items, the oldest first. */
  take(max: number): readonly Item[];
}

/** A queue of at most `maxSize` items. */
export function createQueue<Item>(
  { maxSize, onDrop }: { maxSize: number; onDrop: (items: number) => void },
): Queue<Item> {
  const items: Item[] = [];
  return {
    push(item) {
      if (items.length < maxSize) items.push(item);
      else onDrop(1);
    },
    take: (max) => items.splice(0, max),
  };
}
