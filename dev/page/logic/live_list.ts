import type { Page } from "../api_types.ts";

/** A list that grows at its head, possibly while it is being read; newest first. */
export interface LiveList<Item> {
  readonly items: readonly Item[];
  /** Arrived while the list stood still; newest first. */
  readonly held: readonly Item[];
  /** The cursor of the items older than the last one. */
  readonly next: string | null;
}

/** The identity and order of items. */
export interface ListRules<Item> {
  readonly keyOf: (item: Item) => string;
  readonly timeOf: (item: Item) => number;
  /** Whether an item passes the list's filters. */
  readonly matches: (item: Item) => boolean;
}

/** The most items that are held: beyond that the newest page is loaded again, instead of a gap. */
export const maxHeld = 100;

export const emptyList: LiveList<never> = { items: [], held: [], next: null };

/** The newest page, with what the stream sent while it was loading. */
export function withNewest<Item>(
  page: Page<Item>,
  meanwhile: readonly Item[],
  rules: ListRules<Item>,
): LiveList<Item> {
  return withArrivals({ ...page, held: [] }, meanwhile, rules, false);
}

/** The newest page for a list that stands still: new items are held. */
export function withUpdates<Item>(
  list: LiveList<Item>,
  page: Page<Item>,
  rules: ListRules<Item>,
): LiveList<Item> {
  return withArrivals(list, page.items.toReversed(), rules, true);
}

/** The page after the last item. */
export function withOlder<Item>(
  list: LiveList<Item>,
  page: Page<Item>,
  { keyOf }: ListRules<Item>,
): LiveList<Item> {
  const present = new Set(list.items.map(keyOf));
  const older = page.items.filter((item) => !present.has(keyOf(item)));
  return { ...list, items: [...list.items, ...older], next: page.next };
}

/**
 * The items that the stream sent. Present items are replaced in their position; new ones go in by
 * their time, or are held while the list stands still.
 */
export function withArrivals<Item>(
  list: LiveList<Item>,
  arrivals: readonly Item[],
  rules: ListRules<Item>,
  isLocked: boolean,
): LiveList<Item> {
  const latest = new Map(arrivals.map((item) => [rules.keyOf(item), item]));
  const replace = (items: readonly Item[]) =>
    items.flatMap((item) => {
      const key = rules.keyOf(item);
      const update = latest.get(key);
      if (update === undefined) return [item];
      latest.delete(key);
      return rules.matches(update) ? [update] : [];
    });
  const items = replace(list.items);
  const held = replace(list.held);
  const added = [...latest.values()].filter(rules.matches);
  return isLocked
    ? { ...list, items, held: insert(held, added, rules).slice(0, maxHeld) }
    : { ...list, items: insert(items, [...added, ...held], rules), held: [] };
}

/** Shows what was held. */
export function released<Item>(list: LiveList<Item>, rules: ListRules<Item>): LiveList<Item> {
  return withArrivals(list, [], rules, false);
}

function insert<Item>(
  items: readonly Item[],
  added: readonly Item[],
  { timeOf }: ListRules<Item>,
): readonly Item[] {
  if (added.length === 0) return items;
  const result = [...items];
  for (const item of added.toSorted((a, b) => timeOf(a) - timeOf(b))) {
    const at = result.findIndex((other) => timeOf(other) <= timeOf(item));
    result.splice(at === -1 ? result.length : at, 0, item);
  }
  return result;
}
