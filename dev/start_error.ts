/** A start that cannot succeed for a reason somebody can mend; the message is one line, no value. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** Exit code of the command. */
  readonly code: number;

  constructor(reason: string, { code = 1, cause }: { code?: number; cause?: unknown } = {}) {
    super(reason.startsWith("Cannot start") ? reason : `Cannot start: ${reason}`, { cause });
    this.code = code;
  }
}
