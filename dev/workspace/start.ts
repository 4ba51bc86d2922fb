/** How the commands of dev begin. It imports nothing: a missing package is an error of ours. */

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

/** The oldest Deno that has all we use: native Argon2id, and `--preload`. */
const oldest = [2, 9] as const;

/**
 * Versions that CI tests at every commit: the whole suite on the first, gateway and core on each.
 */
export const testedVersions: readonly string[] = ["2.9.5", "2.9.6"];

/** @throws {StartError} when Deno is older than what the project is written for */
export function requireDeno(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  throw new StartError(`Deno ${version} is too old; ${oldest.join(".")} or newer is needed`);
}

/** Whether the usage is requested. */
export function asksForHelp(args: readonly string[]): boolean {
  return args.some((arg) => arg === "--help" || arg === "-h");
}

/**
 * Imports a command by an address that Deno does not resolve ahead: its own message about a missing
 * package is many lines long.
 *
 * @throws {StartError} with `missing` when a package is not installed
 */
export async function loadCommand<Command>(address: URL, missing: string): Promise<Command> {
  try {
    return await import(address.href);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "";
    if (!/npm package|Cannot find (module|package)|Could not (find|resolve)/.test(message)) {
      throw cause;
    }
    throw new StartError(missing, { cause });
  }
}
