import type { Bytes, Reply } from "../protocol.ts";
import type { Keyspace } from "./keyspace.ts";

/** What a command may use. */
export interface Context {
  readonly keys: Keyspace;
  /** Epoch milliseconds, the same during a whole command, script or transaction. */
  readonly now: number;
  /** 0 ≤ n < 1 */
  random(): number;
  /**
   * Replaces what goes to the append-only file for this write; without a call the command goes
   * there as it came. Needed wherever a replay later, or with other random numbers, would end
   * differently.
   */
  log(...commands: readonly (readonly Bytes[])[]): void;
  publish(channel: Bytes, payload: Bytes): number;
  /** Runs another command inside this one, as scripts do; its writes are logged separately. */
  call(command: readonly Bytes[], options: { readonly isReadOnly: boolean }): Reply;
}

export interface CommandSpec {
  /** Number of words with the name, as Redis counts them: exact, or at least where negative. */
  readonly arity: number;
  /** Set for commands that change data and so go to the append-only file. */
  readonly writes?: true;
  /** Set for commands that change no data and are sent to replicas all the same, as `PUBLISH`. */
  readonly mayReplicate?: true;
  /** Set for commands that a script may not call. */
  readonly notInScripts?: true;
  /** `args` come without the name; `name` is in upper case. */
  readonly run: (context: Context, args: readonly Bytes[], name: string) => Reply;
}

/** Commands by upper-case name. */
export type CommandTable = Readonly<Record<string, CommandSpec>>;

/** A command that leaves data as they are. */
export function reads(arity: number, run: CommandSpec["run"]): CommandSpec {
  return { arity, run };
}

/** A command that changes data and so goes to the append-only file. */
export function writes(arity: number, run: CommandSpec["run"]): CommandSpec {
  return { arity, writes: true, run };
}

/** Whether a command has as many words as its arity requires. */
export function fitsArity({ arity }: CommandSpec, words: number): boolean {
  return arity >= 0 ? words === arity : words >= -arity;
}

/** Reads an argument that the arity guarantees. */
export function at(args: readonly Bytes[], index: number): Bytes {
  const value = args[index];
  if (value === undefined) throw new RangeError(`Cannot read argument ${index}: arity is wrong`);
  return value;
}
