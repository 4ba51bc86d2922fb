/** Writes log lines to standard output, many at a time: a system call a line costs more than the line. */
export interface LineWriter {
  write(line: string): void;
  /** Writes what is left; for the end of the process. */
  flush(): void;
}

/** Longest time a line waits, in milliseconds, and the size at which none waits longer. */
const maxWaitMs = 5;
const maxWaiting = 65_536;

/** Makes the writer of this process. */
export function createLineWriter(): LineWriter {
  const encoder = new TextEncoder();
  let waiting = "";
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const bytes = encoder.encode(waiting);
    waiting = "";
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  }

  return {
    flush,
    write(line) {
      waiting += line + "\n";
      if (waiting.length > maxWaiting) flush();
      else timer ??= setTimeout(flush, maxWaitMs);
    },
  };
}
