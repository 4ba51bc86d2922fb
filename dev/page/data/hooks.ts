import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useApp } from "./app_context.ts";
import type { LiveStatus } from "./live.ts";
import type { PageLocation } from "./router.ts";

/** A value that lives outside of the tree, read again whenever its owner says that it changed. */
export function useOutside<Value>(
  read: () => Value,
  onChange: (listener: () => void) => () => void,
): Value {
  const [value, setValue] = useState<Value>(read);
  useLayoutEffect(() => {
    const update = () => setValue(() => read());
    update();
    return onChange(update);
  }, []);
  return value;
}

export function useLocation(): PageLocation {
  const { router } = useApp();
  return useOutside(router.place, router.onChange);
}

export function useStatus(): LiveStatus {
  const { live } = useApp();
  return useOutside(live.status, live.onStatus);
}

/** Every value there has been so far, so that a choice made among them does not take them away. */
export function useSeen(values: readonly (string | null)[]): readonly string[] {
  const seen = useRef(new Set<string>());
  for (const value of values) if (value) seen.current.add(value);
  const { size } = seen.current;
  return useMemo(() => [...seen.current].sort(), [size]);
}

/** The latest version of a function in a form that never changes. */
export function useLatest<Args extends unknown[]>(
  run: (...args: Args) => void,
): (...args: Args) => void {
  const latest = useRef(run);
  latest.current = run;
  return useCallback((...args: Args) => latest.current(...args), []);
}

/** Runs at once, and then at most once in `everyMs`, the last call never lost. */
export function useThrottled(run: () => void, everyMs: number): () => void {
  const latest = useLatest(run);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const isWanted = useRef(false);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    isWanted.current = timer.current !== undefined;
    if (isWanted.current) return;
    const rest = () => {
      timer.current = undefined;
      if (!isWanted.current) return;
      isWanted.current = false;
      latest();
      timer.current = setTimeout(rest, everyMs);
    };
    latest();
    timer.current = setTimeout(rest, everyMs);
  }, []);
}

/** Runs again and again while the component is there. */
export function useInterval(run: () => void, everyMs: number | undefined): void {
  const latest = useLatest(run);
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(latest, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}

/** The time, renewed every `everyMs`; with undefined it stands still. */
export function useNow(everyMs: number | undefined): number {
  const { now } = useApp();
  const [time, setTime] = useState(now);
  useInterval(() => setTime(now()), everyMs);
  return time;
}

/** What a question was answered, or why it was not. */
export interface Answer<Value> {
  /** The last answer; it stays while the question is asked again. */
  readonly value: Value | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  /** Asks again. */
  readonly reload: () => void;
  /** Puts in what was told without being asked for. */
  readonly set: (value: Value) => void;
}

interface Answered<Value> {
  readonly value: Value | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
}

/** Asks dev when the view opens, when `keys` change, and after each interruption of the stream. */
export function useResponse<Value>(
  ask: (signal: AbortSignal) => Promise<Value>,
  keys: readonly unknown[],
): Answer<Value> {
  const { epoch } = useStatus();
  const [turn, setTurn] = useState(0);
  const [answered, setAnswered] = useState<Answered<Value>>(
    { value: undefined, error: undefined, isLoading: true },
  );
  useEffect(() => {
    if (epoch === 0) return;
    const controller = new AbortController();
    ask(controller.signal).then(
      (value) => {
        if (!controller.signal.aborted) setAnswered({ value, error: undefined, isLoading: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        setAnswered(({ value }) => ({ value, error: toMessage(error), isLoading: false }));
      },
    );
    return () => controller.abort();
  }, [...keys, epoch, turn]);
  const reload = useCallback(() => setTurn((last) => last + 1), []);
  const set = useCallback((value: Value) => {
    setAnswered({ value, error: undefined, isLoading: false });
  }, []);
  return { ...answered, reload, set };
}

export function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
