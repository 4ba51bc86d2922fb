/** How a task is called. */
export interface TaskUsage {
  /** Begins with `Usage: deno task <name>`; every option that the task takes stands in it. */
  readonly usage: string;
  /** How many words beside options it takes; left out, the task looks at them itself. */
  readonly maxWords?: number;
}

/** What a task prints instead of its work, and its exit code. */
export interface Answer {
  /** The usage, for standard output, or one line about a wrong argument, for standard error. */
  readonly text: string;
  /** 0 where the usage was asked for, 2 where an argument is wrong. */
  readonly code: 0 | 2;
}

/** Whether somebody asks how the task is called. */
export function asksForHelp(args: readonly string[]): boolean {
  const [options] = split(args);
  return options.some((arg) => arg === "--help" || arg === "-h");
}

/**
 * What the arguments alone decide: the usage where it is asked for, and one line for an option that
 * the task does not have. Ignored, a misspelt `--dry-run` would do the work that it was to prevent.
 */
export function answerArguments(
  args: readonly string[],
  { usage, maxWords = Infinity }: TaskUsage,
): Answer | undefined {
  if (asksForHelp(args)) return { text: usage, code: 0 };
  const known = new Set(usage.match(/--[a-z][a-z-]*/g));
  const [options, words] = split(args);
  const unknown = options.find((arg) => !known.has(arg.split("=")[0] ?? arg));
  const [, task = ""] = /^Usage: deno task ([\w:]+)/.exec(usage) ?? [];
  const more = `deno task ${task} --help shows what it takes`;
  if (unknown !== undefined) return { text: `Unknown option ${unknown}; ${more}`, code: 2 };
  const extra = words[maxWords];
  return extra === undefined
    ? undefined
    : { text: `Unexpected argument ${extra}; ${more}`, code: 2 };
}

/** Ends the process where its arguments alone decide what it prints. */
export function readArguments(task: TaskUsage): void {
  const answer = answerArguments(Deno.args, task);
  if (!answer) return;
  if (answer.code === 0) console.log(answer.text);
  else console.error(answer.text);
  Deno.exit(answer.code);
}

/** Options begin with a hyphen and a letter, so that a number below zero is a word. */
function split(args: readonly string[]): readonly [options: string[], words: string[]] {
  const isOption = (arg: string) => /^--?[a-z]/i.test(arg);
  return [args.filter(isOption), args.filter((arg) => !isOption(arg))];
}
