import { type Ansi, createAnsi } from "./text.ts";

/** What a command prints at its end, and its exit code. */
export interface Outcome {
  readonly text: string;
  readonly code: number;
}

/** Colours where standard output is a terminal that wants them. */
export function terminalAnsi(): Ansi {
  return createAnsi(Deno.stdout.isTerminal() && !Deno.noColor);
}

/** Ends this process with a command's outcome; the text of a failure goes to standard error. */
export function exitWith({ text, code }: Outcome): never {
  if (code === 0) console.log(text);
  else console.error(text);
  Deno.exit(code);
}
