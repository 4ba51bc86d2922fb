import { projectRoot } from "./markdown.ts";

/** A source file of the project. */
export interface Source {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
}

const units = ["app", "dev", "gateway", "local", "ops", "services", "shared"];

/** The TypeScript of every unit, without its tests. */
export async function* files(folders: readonly string[] = units): AsyncGenerator<Source> {
  for (const folder of folders) {
    for await (const path of walk(folder)) {
      if (!/\.tsx?$/.test(path) || path.endsWith("_test.ts")) continue;
      yield { path, text: await Deno.readTextFile(projectRoot + path) };
    }
  }
}

/** The paths below a folder, without generated and hidden ones. */
export async function* walk(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(projectRoot + folder)) {
    if (name.startsWith(".") || name === "node_modules" || name === "generated") continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) yield* walk(path);
    else yield path;
  }
}
