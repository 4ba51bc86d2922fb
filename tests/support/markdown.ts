import { fileURLToPath } from "node:url";

/** The project's folder, with a trailing slash. */
export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/** A fenced block of a Markdown file (CommonMark §4.5). */
export interface Fence {
  readonly language: string;
  /** The path after `file=`; undefined where the block is not a complete file. */
  readonly file: string | undefined;
  readonly text: string;
}

const fence = /^```(\w+)(?: file=(\S+))?\n(.*?)^```$/gms;

/** The fenced blocks of a text, in order. */
export function readFences(markdown: string): Fence[] {
  return Array.from(markdown.matchAll(fence), ([, language = "", file, text = ""]) => ({
    language,
    file,
    text,
  }));
}

/** Reads a file of the project. */
export async function readProjectFile(path: string): Promise<string> {
  return await Deno.readTextFile(projectRoot + path);
}

/**
 * Writes the complete files among some blocks into a folder that is deleted after the test; in the
 * folder `dir`, where the bundler must find the project's aliases above it.
 */
export async function writeFiles(
  fences: readonly Fence[],
  { dir }: { readonly dir?: string } = {},
): Promise<{ path: string; files: readonly string[] } & AsyncDisposable> {
  if (dir !== undefined) await Deno.mkdir(dir, { recursive: true });
  const path = await Deno.makeTempDir({ prefix: "edgepass-docs-", ...(dir ? { dir } : {}) });
  const files: string[] = [];
  for (const { file, text } of fences) {
    if (file === undefined) continue;
    await Deno.mkdir(`${path}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${path}/${file}`, text);
    files.push(`${path}/${file}`);
  }
  return { path, files, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
