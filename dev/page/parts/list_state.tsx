import { useEffect, useRef } from "preact/hooks";
import type { ShownList } from "../data/use_live_list.ts";
import type { ScrollLock } from "../data/use_list_place.ts";
import { maxHeld } from "../logic/live_list.ts";
import { toPlural } from "../logic/format.ts";

/** Whether a list moves, with the button that pauses and resumes it. */
export function ListState(
  { list, lock, noun }: {
    list: ShownList<unknown>;
    lock: ScrollLock;
    noun: string;
  },
) {
  const { isPaused, setPaused } = lock;
  return (
    <div class="list-state">
      <button
        type="button"
        class="button quiet"
        aria-pressed={isPaused}
        onClick={() => setPaused(!isPaused)}
      >
        {isPaused ? "Paused" : "Pause"}
      </button>
      {lock.isLasting && list.held.length > 0 && <NewItems list={list} lock={lock} noun={noun} />}
    </div>
  );
}

function NewItems(
  { list, lock, noun }: { list: ShownList<unknown>; lock: ScrollLock; noun: string },
) {
  const { length } = list.held;
  function show(): void {
    lock.setPaused(false);
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    list.release();
    scrollTo({ top: 0 });
  }
  return (
    <button type="button" class="button new-items" onClick={show}>
      {length >= maxHeld
        ? `More than ${maxHeld} new ${noun}s`
        : `${toPlural(length, `new ${noun}`)}`}
    </button>
  );
}

/** Loads older items when it comes into view, or when it is pressed. */
export function Older({ list, noun }: { list: ShownList<unknown>; noun: string }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!button.current) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && list.loadOlder(),
      { rootMargin: "400px" },
    );
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [list.next]);
  if (list.next === null) return null;
  return (
    <p class="older">
      <button type="button" class="button" ref={button} onClick={list.loadOlder}>
        Show older {noun}s
      </button>
    </p>
  );
}
