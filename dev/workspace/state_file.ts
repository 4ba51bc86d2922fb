import type { Workspace } from "./workspace.ts";
import { StartError } from "./start_error.ts";

/**
 * A text that is generated once and then stored in a file of its own (mode 600).
 *
 * The file appears complete or not at all: a kill during the write leaves no half of it.
 *
 * @throws {StartError} when the file is there and is empty or cannot be read
 */
export async function readOrCreateText(
  workspace: Workspace,
  [folder, name]: readonly [folder: string, name: string],
  make: () => string | Promise<string>,
): Promise<string> {
  const path = workspace.at(folder, name);
  const stored = read(path);
  if (stored !== undefined) return stored;
  const made = await make();
  writeText(path, made);
  return made;
}

/** Replaces a file atomically, mode 600. */
export function writeText(path: string, text: string): void {
  const draft = `${path}.new`;
  Deno.writeTextFileSync(draft, text, { mode: 0o600 });
  Deno.renameSync(draft, path);
}

function read(path: string): string | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path).trim();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new StartError(`${path} cannot be read`, { cause });
  }
  if (text === "") throw new StartError(`${path} is empty; delete it and a new one is made`);
  return text;
}
