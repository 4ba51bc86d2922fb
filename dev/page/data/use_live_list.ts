import { useEffect, useRef, useState } from "preact/hooks";
import {
  emptyList,
  type ListRules,
  type LiveList,
  maxHeld,
  released,
  withArrivals,
  withNewest,
  withOlder,
  withUpdates,
} from "../logic/live_list.ts";
import type { Page } from "../api_types.ts";
import { useApp } from "./app.ts";
import { toMessage, useLatest, useStatus } from "./hooks.ts";

export interface LiveListOptions<Item> extends ListRules<Item> {
  /** The view of the list: a reader who comes back finds it unchanged. */
  readonly view: string;
  /** The key of its filters; another key is another list. */
  readonly name: string;
  readonly load: (before: string | undefined, signal: AbortSignal) => Promise<Page<Item>>;
  readonly listen: (arrived: (items: readonly Item[]) => void) => () => void;
  /** Whether the reader reads and nothing may move. */
  readonly isLocked: boolean;
}

interface Loaded {
  readonly phase: "loading" | "ready" | "failed";
  readonly error?: string;
}

export interface ShownList<Item> extends LiveList<Item>, Loaded {
  /** Shows the held items. */
  readonly release: () => void;
  /** Loads older items, once at a time. */
  readonly loadOlder: () => void;
  readonly retry: () => void;
}

interface Left<Item> {
  readonly name: string;
  readonly list: LiveList<Item>;
}

type Change<Item> = (change: (last: LiveList<Item>) => LiveList<Item>) => void;

/** A list that is not being read is cut back to one page when it has grown to this. */
const maxGrown = 400;

/** A list of the API that the stream keeps up to date. */
export function useLiveList<Item>(options: LiveListOptions<Item>): ShownList<Item> {
  const { name, isLocked } = options;
  const [list, change] = useStoredList(options);
  const latest = useRef({ options, list });
  latest.current = { options, list };
  // What the stream sends while the newest page is being loaded.
  const meanwhile = useRef<Item[] | undefined>(undefined);
  const { loaded, retry } = useNewestPage(latest, change, meanwhile);

  useEffect(() =>
    options.listen((items) => {
      const { options } = latest.current;
      meanwhile.current?.push(...items);
      change((last) => withArrivals(last, items, options, options.isLocked));
    }), [name]);
  useEffect(() => {
    if (!isLocked && list.items.length > maxGrown) retry();
  }, [isLocked, list]);

  useEffect(() => {
    if (!isLocked && list.held.length > 0) release();
  }, [isLocked]);

  function release(): void {
    if (list.held.length < maxHeld) return change((last) => released(last, options));
    change(() => emptyList);
    retry();
  }
  return { ...list, ...loaded, release, loadOlder: useOlderPage(latest, change), retry };
}

/** The list's state, which begins as it was left when a view comes back. */
function useStoredList<Item>(
  { view, name }: LiveListOptions<Item>,
): readonly [LiveList<Item>, Change<Item>] {
  const { memory } = useApp();
  const [list, setList] = useState<LiveList<Item>>(() => {
    const left = recall<Item>(memory, view);
    return left?.name === name ? left.list : emptyList;
  });
  const latest = useRef({ name, list });
  latest.current = { name, list };
  useEffect(() => () => void memory.set(view, latest.current), []);
  return [list, setList];
}

/** The state that a view left: only this file writes it, and under its name only as such a list. */
function recall<Item>(memory: Map<string, unknown>, view: string): Left<Item> | undefined {
  return memory.get(view) as Left<Item> | undefined;
}

interface Latest<Item> {
  readonly current: { readonly options: LiveListOptions<Item>; readonly list: LiveList<Item> };
}

/** Loads the newest page: at first, for another name, and after each interruption. */
function useNewestPage<Item>(
  latest: Latest<Item>,
  change: Change<Item>,
  meanwhile: { current: Item[] | undefined },
): { loaded: Loaded; retry: () => void } {
  const { epoch } = useStatus();
  const { name } = latest.current.options;
  const [turn, setTurn] = useState(0);
  const [loaded, setLoaded] = useState<Loaded & { name: string }>({ name, phase: "loading" });
  // Until the first page of another name is there the rows of the last one stay visible.
  const listed = useRef(name);
  useEffect(() => {
    if (epoch === 0) return;
    const controller = new AbortController();
    meanwhile.current = [];
    latest.current.options.load(undefined, controller.signal).then((page) => {
      if (controller.signal.aborted) return;
      const { options, list } = latest.current;
      const isRead = options.isLocked && listed.current === name && list.items.length > 0;
      listed.current = name;
      const arrivals = meanwhile.current ?? [];
      meanwhile.current = undefined;
      change((last) =>
        isRead ? withUpdates(last, page, options) : withNewest(page, arrivals, options)
      );
      setLoaded({ name, phase: "ready" });
    }, (error: unknown) => {
      if (controller.signal.aborted) return;
      if (listed.current !== name) change(() => emptyList);
      listed.current = name;
      setLoaded({ name, phase: "failed", error: toMessage(error) });
    });
    return () => controller.abort();
  }, [name, epoch, turn]);
  return {
    loaded: loaded.name === name ? loaded : { phase: "loading" },
    retry: () => setTurn((last) => last + 1),
  };
}

function useOlderPage<Item>(latest: Latest<Item>, change: Change<Item>): () => void {
  const isUnderWay = useRef(false);
  return useLatest(() => {
    const { options, list } = latest.current;
    if (isUnderWay.current || list.next === null) return;
    isUnderWay.current = true;
    options.load(list.next, new AbortController().signal).then((page) => {
      // Filters may have changed meanwhile, and then the page is outdated.
      if (latest.current.options.name === options.name) {
        change((last) => withOlder(last, page, options));
      }
    }, () => {
      // The state of the connection shows it, and the next scroll loads again.
    }).finally(() => {
      isUnderWay.current = false;
    });
  });
}
