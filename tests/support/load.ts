/** Requests without a pause until the load ends. */
export interface Load extends AsyncDisposable {
  /** Resolves once each caller has started and finished a new request. */
  pass(): Promise<void>;
  /** Descriptions of wrong responses. */
  readonly failures: readonly string[];
  completed(): number;
  end(): Promise<void>;
}

/**
 * Starts callers that send one request after the other; `send` returns what is wrong with a
 * response, or null.
 */
export function startLoad(
  callers: number,
  send: (at: number) => Promise<string | null>,
): Load {
  const failures: string[] = [];
  let completed = 0;
  let isOver = false;
  let waiting: { left: Set<number>; begun: Set<number>; done: () => void }[] = [];

  async function call(caller: number): Promise<void> {
    for (let round = 0; !isOver; round++) {
      for (const { begun } of waiting) begun.add(caller);
      const failure = await send(caller + round).catch((error) => String(error));
      completed++;
      if (failure !== null && failures.length < 20) failures.push(failure);
      for (const { left, begun } of waiting) if (begun.has(caller)) left.delete(caller);
      const over = waiting.filter(({ left }) => left.size === 0);
      waiting = waiting.filter(({ left }) => left.size > 0);
      for (const { done } of over) done();
    }
  }

  const running = Array.from({ length: callers }, (_, caller) => call(caller));
  async function end(): Promise<void> {
    isOver = true;
    await Promise.all(running);
  }
  return {
    pass() {
      const { promise, resolve } = Promise.withResolvers<void>();
      const left = new Set(running.keys());
      waiting.push({ left, begun: new Set(), done: resolve });
      return promise;
    },
    failures,
    completed: () => completed,
    end,
    [Symbol.asyncDispose]: end,
  };
}
