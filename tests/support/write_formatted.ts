import { projectRoot } from "./markdown.ts";

/** Writes a generated document of the project in the format of `deno fmt`. */
export async function writeFormatted(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(projectRoot + path, text);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", path],
    cwd: projectRoot,
  }).output();
  if (!success) throw new Error(`Cannot format ${path}`);
}
