import { build, stop } from "esbuild";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

const source = fileURLToPath(new URL("../../dev/page/testing/layout_faults.ts", import.meta.url));

/** The check as a script for the browser, built once. */
let script: Promise<string> | undefined;

async function bundleCheck(): Promise<string> {
  try {
    const { outputFiles } = await build({
      entryPoints: [source],
      bundle: true,
      write: false,
      format: "iife",
      globalName: "layout",
      target: "es2022",
      logLevel: "silent",
      tsconfigRaw: {},
    });
    return outputFiles[0]?.text ?? "";
  } finally {
    await stop();
  }
}

/** Layout faults of the current page, one per line. */
export async function findLayoutFaults(page: Page): Promise<string[]> {
  script ??= bundleCheck();
  // In one evaluation: the page's policy forbids a script element, and no global may remain.
  return await page.evaluate<string[]>(
    `(() => { ${await script}; return layout.findLayoutFaults(); })()`,
  );
}
