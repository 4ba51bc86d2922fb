import { useEffect } from "preact/hooks";
import { useApp } from "./app.ts";
import { useLatest } from "./hooks.ts";

/** What a key does, by `KeyboardEvent.key`. */
export type Keys = Readonly<Record<string, (() => void) | undefined>>;

const typing = "input, textarea, select, [contenteditable]";

/**
 * Listens to keys wherever the focus is. While the reader types, chooses or has a dialog open, no
 * shortcut fires, except Escape in a field.
 */
export function useKeys(keys: Keys): void {
  const { preferences } = useApp();
  const onKey = useLatest((event: KeyboardEvent) => {
    const run = keys[event.key];
    if (!run || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : undefined;
    if (target?.closest("dialog")) return;
    if (target?.closest(typing) && event.key !== "Escape") return;
    if (event.key.length === 1 && !preferences.shortcuts()) return;
    event.preventDefault();
    run();
  });
  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** Keys that walk through the rows inside of an element. */
export function rowKeys(rows: { readonly current: HTMLElement | null }): Keys {
  const next = () => moveFocus(rows.current, 1);
  const previous = () => moveFocus(rows.current, -1);
  return { j: next, k: previous, ArrowDown: next, ArrowUp: previous };
}

/**
 * Moves the focus among elements marked `data-row`; from outside of them to the one at which the
 * Tab key would stop.
 */
export function moveFocus(container: HTMLElement | null, step: number): void {
  const rows = [...container?.querySelectorAll<HTMLElement>("[data-row]") ?? []];
  const from = rows.findIndex((row) => row === document.activeElement);
  const to = Math.min(Math.max(from + step, 0), rows.length - 1);
  const row = from === -1 ? rows.find(({ tabIndex }) => tabIndex === 0) : rows[to];
  row?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}
