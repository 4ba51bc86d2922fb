/** How a task is called. */
export interface TaskUsage {
  /** Begins with `Usage: deno task <name>`; contains every option that the task takes. */
  readonly usage: string;
  /** The maximum of arguments besides options; without it the task checks them itself. */
  readonly maxWords?: number;
}

/** The output and the exit code of a task that does no work. */
export interface TaskResult {
  /** The usage, for standard output, or one line about a wrong argument, for standard error. */
  readonly text: string;
  /** 0 where the usage was asked for, 2 where an argument is wrong. */
  readonly code: 0 | 2;
}

/** Whether the arguments request the usage. */
export function asksForHelp(args: readonly string[]): boolean {
  const [options] = split(args);
  return options.some((arg) => arg === "--help" || arg === "-h");
}

/**
 * The result that follows from the arguments alone: the usage on request, and one line for an
 * unknown option. If it were ignored, a misspelt `--dry-run` would do the work that it was to
 * prevent.
 */
export function evaluateArguments(
  args: readonly string[],
  { usage, maxWords = Infinity }: TaskUsage,
): TaskResult | undefined {
  if (asksForHelp(args)) return { text: usage, code: 0 };
  const knownOptions = new Set(usage.match(/--[a-z][a-z-]*/g));
  const [options, words] = split(args);
  const unknown = options.find((arg) => !knownOptions.has(arg.split("=")[0] ?? arg));
  const [, task = ""] = /^Usage: deno task ([\w:]+)/.exec(usage) ?? [];
  const more = `deno task ${task} --help shows what it takes`;
  if (unknown !== undefined) return { text: `Unknown option ${unknown}; ${more}`, code: 2 };
  const extra = words[maxWords];
  return extra === undefined
    ? undefined
    : { text: `Unexpected argument ${extra}; ${more}`, code: 2 };
}

/** Ends the process when its arguments alone decide its output. */
export function readArguments(task: TaskUsage): void {
  const result = evaluateArguments(Deno.args, task);
  if (!result) return;
  if (result.code === 0) console.log(result.text);
  else console.error(result.text);
  Deno.exit(result.code);
}

/** Options begin with a hyphen and a letter, so that a negative number is an argument. */
function split(args: readonly string[]): readonly [options: string[], words: string[]] {
  const isOption = (arg: string) => /^--?[a-z]/i.test(arg);
  return [args.filter(isOption), args.filter((arg) => !isOption(arg))];
}

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
