import { StartError } from "./start_error.ts";

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
