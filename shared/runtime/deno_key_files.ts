import { type Bindings, ConfigError } from "../composition/settings.ts";
import type { KeySource, KeySourceName } from "../crypto/mod.ts";

const names = ["PASSPORT_KEYS", "ACCESS_TOKEN_KEYS"] as const;

/**
 * The keys of the files in `PASSPORT_KEYS_FILE` and `ACCESS_TOKEN_KEYS_FILE`: the setting, unless a
 * variable sets it, and a function that reads the file again when an unknown `kid` is named.
 *
 * @throws {ConfigError} naming the variable whose file cannot be read
 */
export async function readKeyFiles(
  variables: Readonly<Record<string, string>>,
): Promise<Bindings> {
  const bindings: Record<string, string | KeySource> = {};
  for (const name of names) {
    const path = variables[`${name}_FILE`];
    if (!path) continue;
    const again: KeySourceName = `${name}_RELOAD`;
    bindings[again] = () => Deno.readTextFile(path);
    if (!variables[name]) bindings[name] = await readFile(name, path);
  }
  return bindings;
}

async function readFile(name: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    throw new ConfigError(`Cannot start: ${name}_FILE names a file that cannot be read`);
  }
}
