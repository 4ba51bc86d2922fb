import { useEffect, useState } from "preact/hooks";

/** Why a list does not move. */
export interface ScrollLock {
  readonly isStanding: boolean;
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
  return { isStanding: isLasting || isPointed, isLasting, isPaused, setPaused };
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
