/** Notices which version of the configuration is in force, whoever has changed it. */
export interface VersionWatch {
  /** Whether somebody wants to hear of changes. */
  watch(isWatched: boolean): void;
  close(): void;
}

export interface VersionWatchOptions {
  /** The version in force; undefined where there is none. It may reject. */
  readonly ask: () => Promise<number | undefined>;
  readonly onNews: (version: number) => void;
  readonly everyMs: number;
}

/** Makes the watch: nobody is asked while nobody listens. */
export function createVersionWatch(
  { ask, onNews, everyMs }: VersionWatchOptions,
): VersionWatch {
  let known: number | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let isAsking = false;

  async function look(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    // While Redis is away nobody can tell; its health says so already.
    const version = await ask().catch(() => known);
    isAsking = false;
    if (timer === undefined || version === undefined || version === known) return;
    known = version;
    onNews(version);
  }

  return {
    watch(isWatched) {
      clearInterval(timer);
      timer = isWatched ? setInterval(look, everyMs) : undefined;
      if (isWatched) look();
    },
    close() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
