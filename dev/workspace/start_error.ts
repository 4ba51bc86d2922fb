/**
 * A start that cannot succeed for a reason the developer can fix; the message is one line without a
 * value.
 */
export class StartError extends Error {
  override readonly name = "StartError";
  /** Exit code of the command. */
  readonly code: number;

  constructor(reason: string, { code = 1, cause }: { code?: number; cause?: unknown } = {}) {
    super(reason.startsWith("Cannot start") ? reason : `Cannot start: ${reason}`, { cause });
    this.code = code;
  }
}
