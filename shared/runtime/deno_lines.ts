/** Writes log lines to standard output, many at a time: a system call a line costs more than the line. */
export interface LineWriter {
  write(line: string): void;
  /** Writes the remaining lines; for the end of the process. */
  flush(): void;
}

export interface LineWriterOptions {
  /** Writes some of the bytes, and returns how many. */
  readonly writeSome?: (bytes: Uint8Array) => number;
  readonly now?: () => number;
}

/** Longest time a line waits, in milliseconds; a full buffer is written at once. */
const maxWaitMs = 5;
const maxBuffered = 65_536;

/**
 * Creates the writer of this process.
 *
 * Lines that cannot be written are lost and counted: standard output may be a file on a full disk,
 * and an error there would end a process that could serve. The next line that can be written is
 * preceded by one that reports how many were lost.
 */
export function createLineWriter(
  { writeSome = (bytes) => Deno.stdout.writeSync(bytes), now = Date.now }: LineWriterOptions = {},
): LineWriter {
  const encoder = new TextEncoder();
  let waiting = "";
  let lost = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (waiting === "") return;
    const text = lost === 0 ? waiting : `\n${describeLoss(lost, now())}\n${waiting}`;
    const bytes = encoder.encode(text);
    const lines = countLines(waiting);
    waiting = "";
    try {
      for (let at = 0; at < bytes.length;) at += writeSome(bytes.subarray(at));
      lost = 0;
    } catch {
      lost += lines;
    }
  }

  return {
    flush,
    write(line) {
      waiting += line + "\n";
      if (waiting.length > maxBuffered) flush();
      else timer ??= setTimeout(flush, maxWaitMs);
    },
  };
}

/** Begins with a line feed, because the last write may have ended within a line. */
function describeLoss(lines: number, now: number): string {
  const time = new Date(now).toISOString();
  const message = "Log lines could not be written and are lost";
  return JSON.stringify({ time, level: "warn", service: "deno", message, lines });
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}
