/** Notices which version of the configuration is current, no matter who has changed it. */
export interface VersionWatch {
  /** Whether any page is open that needs changes. */
  watch(isWatched: boolean): void;
  close(): void;
}

export interface VersionWatchOptions {
  /** The current version; undefined where there is none. It may reject. */
  readonly fetchVersion: () => Promise<number | undefined>;
  readonly onVersion: (version: number) => void;
  readonly everyMs: number;
}

/** Makes the watch: no read happens while no page is open. */
export function createVersionWatch(
  { fetchVersion, onVersion, everyMs }: VersionWatchOptions,
): VersionWatch {
  let current: number | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let isFetching = false;

  async function poll(): Promise<void> {
    if (isFetching) return;
    isFetching = true;
    // While Redis is away the version is unreadable; its health shows that already.
    const version = await fetchVersion().catch(() => current);
    isFetching = false;
    if (timer === undefined || version === undefined || version === current) return;
    current = version;
    onVersion(version);
  }

  return {
    watch(isWatched) {
      clearInterval(timer);
      timer = isWatched ? setInterval(poll, everyMs) : undefined;
      if (isWatched) poll();
    },
    close() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
