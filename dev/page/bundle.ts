import { build, stop } from "esbuild";
import { fileURLToPath } from "node:url";

/** The page's code in the two files that a browser loads. */
export interface Bundle {
  readonly script: string;
  readonly styles: string;
}

/**
 * Bundles the page in memory, in some tens of milliseconds: nothing is written or cached.
 *
 * @throws {Error} when a source does not compile; the message names file and line
 */
export async function bundle(): Promise<Bundle> {
  try {
    const { outputFiles } = await build({
      entryPoints: {
        "script": fileURLToPath(new URL("./main.tsx", import.meta.url)),
        "styles": fileURLToPath(new URL("./styles/app.css", import.meta.url)),
      },
      absWorkingDir: fileURLToPath(new URL("../../", import.meta.url)),
      outdir: "/",
      bundle: true,
      write: false,
      minify: true,
      format: "iife",
      target: "es2022",
      jsx: "automatic",
      jsxImportSource: "preact",
      legalComments: "none",
      logLevel: "silent",
      // Otherwise the bundler reads tsconfig.json, which belongs to another compiler.
      tsconfigRaw: {},
    });
    const textOf = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "";
    return { script: textOf(".js"), styles: textOf(".css") };
  } finally {
    // The bundler is a process of its own and would outlive its work.
    await stop();
  }
}
