import { useEffect } from "preact/hooks";
import { useApp } from "./app_context.ts";

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
