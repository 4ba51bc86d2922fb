import { useEffect, useState } from "preact/hooks";
import { useApp } from "./app.ts";

/** Why a list does not move. */
export interface ScrollLock {
  readonly isLocked: boolean;
  /** Whether it stands for so long that the reader needs the number of new items. */
  readonly isLasting: boolean;
  readonly isPaused: boolean;
  readonly setPaused: (isPaused: boolean) => void;
}

type Rows = { readonly current: HTMLElement | null };

const headPx = 96;
const pointedMs = 1500;

/**
 * A list stands still while the reader has scrolled down, has a row in focus or has paused it, and
 * for a moment while a pointer moves over it, so that a row can be clicked.
 */
export function useScrollLock(rows: Rows): ScrollLock {
  const isScrolled = useScrolled();
  const isFocused = useFocused(rows);
  const isPointed = usePointed(rows);
  const [isPaused, setPaused] = useState(false);
  const isLasting = isScrolled || isFocused || isPaused;
  return { isLocked: isLasting || isPointed, isLasting, isPaused, setPaused };
}

function useScrolled(): boolean {
  const [isScrolled, setScrolled] = useState(false);
  useEffect(() => {
    const look = () => setScrolled(scrollY > headPx);
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  return isScrolled;
}

function useFocused(rows: Rows): boolean {
  const [isFocused, setFocused] = useState(false);
  useEffect(() => {
    const look = () => setFocused(rows.current?.contains(document.activeElement) ?? false);
    const kinds = ["focusin", "focusout"] as const;
    kinds.forEach((kind) => document.addEventListener(kind, look));
    return () => kinds.forEach((kind) => document.removeEventListener(kind, look));
  }, []);
  return isFocused;
}

function usePointed(rows: Rows): boolean {
  const [isPointed, setPointed] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = ({ target }: PointerEvent) => {
      clearTimeout(timer);
      const isOver = target instanceof Node && (rows.current?.contains(target) ?? false);
      setPointed(isOver);
      if (isOver) timer = setTimeout(() => setPointed(false), pointedMs);
    };
    document.addEventListener("pointermove", look, { passive: true });
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointermove", look);
    };
  }, []);
  return isPointed;
}

interface Left {
  readonly top: number;
  readonly traceId: string | undefined;
}

const place = "requests.left";

/** Brings a reader who comes back from a request to the row they left, at its old position. */
export function useReturn(body: { readonly current: HTMLElement | null }): void {
  const { memory, router } = useApp();
  useEffect(() => {
    let left = recall(memory) ?? { top: 0, traceId: undefined };
    const rows = body.current?.querySelectorAll<HTMLElement>("[data-trace]") ?? [];
    [...rows].find(({ dataset }) => dataset.trace === left.traceId)?.focus({ preventScroll: true });
    if (left.top > 0) scrollTo({ top: left.top });

    const noteScroll = () => left = { ...left, top: scrollY };
    const noteRow = ({ target }: Event) => {
      if (target instanceof HTMLElement) left = { ...left, traceId: target.dataset.trace };
    };
    addEventListener("scroll", noteScroll, { passive: true });
    document.addEventListener("focusin", noteRow);
    return () => {
      removeEventListener("scroll", noteScroll);
      document.removeEventListener("focusin", noteRow);
      if (router.place().path.startsWith("/requests/")) memory.set(place, left);
      else memory.delete(place);
    };
  }, []);
}

/** The row that was left, which only the function above writes. */
function recall(memory: Map<string, unknown>): Left | undefined {
  return memory.get(place) as Left | undefined;
}
