import { StartError } from "./start.ts";

/**
 * Settings as dotenv text that `deno run --env-file` reads back unchanged.
 *
 * Values are single-quoted, which no reader interprets. A value that has a single quote itself is
 * put between backticks, for there is no escape inside single quotes.
 *
 * @throws {StartError} naming a setting whose value no quotes can hold
 */
export function toEnvFile(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings).map(([name, value]) => `${name}=${quote(name, value)}\n`).join(
    "",
  );
}

function quote(name: string, value: string): string {
  const mark = ["'", "`"].find((candidate) => !value.includes(candidate));
  if (mark === undefined || value.includes("\0")) {
    throw new StartError(
      `${name} has both a single quote and a backtick, which dotenv cannot hold`,
    );
  }
  return `${mark}${value}${mark}`;
}
