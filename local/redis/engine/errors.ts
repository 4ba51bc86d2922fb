/** A command's refusal; the message is the error reply, word for word. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Refusals that many commands share, in the words of Redis 7. */
export const refusals = {
  wrongType: "WRONGTYPE Operation against a key holding the wrong kind of value",
  syntax: "ERR syntax error",
  notInteger: "ERR value is not an integer or out of range",
  notFloat: "ERR value is not a valid float",
  outOfRange: "ERR value is out of range",
  mustBePositive: "ERR value is out of range, must be positive",
  noSuchKey: "ERR no such key",
  indexOutOfRange: "ERR index out of range",
  overflow: "ERR increment or decrement would overflow",
  scriptArity: "ERR Wrong number of args calling Redis command from script",
  noScriptWords: "ERR Please specify at least one argument for this redis lib call",
  notInScripts: "ERR This Redis command is not allowed from script",
  writeInReadOnlyScript: "ERR Write commands are not allowed from read-only scripts.",
  readOnlyOfWriter: "ERR Can not execute a script with write flag using *_ro command.",
  invalidCursor: "ERR invalid cursor",
} as const satisfies Record<string, string>;

/** Makes the refusal of this name. */
export function refusal(name: keyof typeof refusals): CommandError {
  return new CommandError(refusals[name]);
}

/** Makes the refusal of a command with too few or too many arguments. */
export function wrongArity(name: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}
