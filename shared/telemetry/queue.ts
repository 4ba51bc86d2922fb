/** Holds items until they are sent. */
export interface Queue<Item> {
  /** Puts an item in; if there is no room for it, it is dropped. */
  push(item: Item): void;
  /** Takes up to `max` items out, the oldest first. */
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
