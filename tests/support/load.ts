/** Requests without a pause until the load ends. */
export interface Load extends AsyncDisposable {
  /** Resolves once each caller has started and finished a new request. */
  pass(): Promise<void>;
  /** Descriptions of wrong responses. */
  readonly failures: readonly string[];
  answered(): number;
  end(): Promise<void>;
}

/**
 * Starts callers that send one request after the other; `ask` returns what is wrong with a
 * response, or null.
 */
export function startLoad(
  callers: number,
  ask: (at: number) => Promise<string | null>,
): Load {
  const failures: string[] = [];
  let answered = 0;
  let isOver = false;
  let waiting: { left: Set<number>; begun: Set<number>; done: () => void }[] = [];

  async function call(caller: number): Promise<void> {
    for (let round = 0; !isOver; round++) {
      for (const { begun } of waiting) begun.add(caller);
      const failure = await ask(caller + round).catch((error) => String(error));
      answered++;
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
    answered: () => answered,
    end,
    [Symbol.asyncDispose]: end,
  };
}
