import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useApp } from "./app.ts";
import type { LiveStatus } from "./live.ts";
import type { PageLocation } from "./router.ts";
import type { Configuration, Health, RolloutEntry } from "../api_types.ts";

/** A value outside of the tree, read again whenever its owner reports a change. */
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

/** Every value there has been so far, so that a choice among them does not remove the others. */
export function useSeen(values: readonly (string | null)[]): readonly string[] {
  const seen = useRef(new Set<string>());
  for (const value of values) if (value) seen.current.add(value);
  const { size } = seen.current;
  return useMemo(() => [...seen.current].sort(), [size]);
}

/** The latest version of a function with an identity that never changes. */
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

/** Runs at an interval while the component is there. */
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

/** A loaded value, or why loading failed. */
export interface Loadable<Value> {
  /** The last value; it stays while it is loaded again. */
  readonly value: Value | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  /** Loads again. */
  readonly reload: () => void;
  /** Sets a value that the stream sent. */
  readonly set: (value: Value) => void;
}

interface Loaded<Value> {
  readonly value: Value | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
}

/** Loads when the view opens, when `keys` change, and after each interruption of the stream. */
export function useResponse<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  keys: readonly unknown[],
): Loadable<Value> {
  const { epoch } = useStatus();
  const [turn, setTurn] = useState(0);
  const [loaded, setLoaded] = useState<Loaded<Value>>(
    { value: undefined, error: undefined, isLoading: true },
  );
  useEffect(() => {
    if (epoch === 0) return;
    const controller = new AbortController();
    load(controller.signal).then(
      (value) => {
        if (!controller.signal.aborted) setLoaded({ value, error: undefined, isLoading: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        setLoaded(({ value }) => ({ value, error: toMessage(error), isLoading: false }));
      },
    );
    return () => controller.abort();
  }, [...keys, epoch, turn]);
  const reload = useCallback(() => setTurn((last) => last + 1), []);
  const set = useCallback((value: Value) => {
    setLoaded({ value, error: undefined, isLoading: false });
  }, []);
  return { ...loaded, reload, set };
}

export function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The health of every part, kept up to date by the stream. */
export function useHealth(): Loadable<Health> {
  const { api, live } = useApp();
  const health = useResponse(api.health, []);
  useEffect(() =>
    live.on("health", (events) => {
      const last = events.at(-1);
      if (last) health.set(last);
    }), []);
  return health;
}

const reloadMs = 300;

/** The current version and its rollout, loaded again when the stream reports a version. */
export function useConfiguration(): {
  readonly configuration: Loadable<Configuration>;
  readonly rollout: Loadable<readonly RolloutEntry[]>;
} {
  const { api, live } = useApp();
  const configuration = useResponse(api.configuration, []);
  const rollout = useResponse(api.configurationRollout, []);
  const follow = useThrottled(configuration.reload, reloadMs);
  const followRollout = useThrottled(rollout.reload, reloadMs);
  const latest = useRef(0);
  latest.current = Math.max(latest.current, configuration.value?.inForce.version ?? 0);
  useEffect(() =>
    live.on("configuration", (events) => {
      followRollout();
      const version = Math.max(...events.map((one) => one.version));
      // Each program reports the same version, and each call of the administrator's API is a
      // request like
      // any other: one is enough.
      if (version <= latest.current) return;
      latest.current = version;
      follow();
    }), []);
  return { configuration, rollout };
}
