const parentCheckMs = 250;

/** How soon another signal still belongs to the first: a terminal and `deno task` both send one. */
const doubledWithinMs = 1_000;

/** Reports when the command has to end. */
export interface StopSignal extends Disposable {
  /** Resolves with why, and never rejects. */
  readonly requested: Promise<string>;
}

/**
 * Listens for SIGINT and SIGTERM, and for the end of the `deno task` that started this.
 *
 * A second signal a moment later ends this process at once, and the children notice by themselves.
 */
export function listenForStop(): StopSignal {
  const { promise, resolve } = Promise.withResolvers<string>();
  // SIGHUP keeps its default: a listener would also receive the one that `nohup` has ignored.
  const signals = Deno.build.os === "windows"
    ? ["SIGINT"] as const
    : ["SIGINT", "SIGTERM"] as const;
  let firstAt: number | undefined;
  const listeners = signals.map((name) => {
    const listener = () => {
      const now = performance.now();
      if (firstAt !== undefined && now - firstAt > doubledWithinMs) Deno.exit(130);
      firstAt ??= now;
      resolve(name);
    };
    Deno.addSignalListener(name, listener);
    return [name, listener] as const;
  });
  const stopWatching = watchParent(() => resolve("the task that started it has ended"));
  return {
    requested: promise,
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
      stopWatching();
    },
  };
}

/** `deno task` passes signals on, but it cannot pass on its own SIGKILL. */
function watchParent(onGone: () => void): () => void {
  if (Deno.env.get("INIT_CWD") === undefined) return () => {};
  const parent = Deno.ppid;
  const timer = setInterval(() => {
    if (Deno.ppid !== parent) onGone();
  }, parentCheckMs);
  return () => clearInterval(timer);
}
