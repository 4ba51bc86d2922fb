import type { DocsFile } from "@edgepass/gateway";

/**
 * Reads a file of the page at `/docs` from the installed package; Deno's `fetch` supports `file:`
 * URLs.
 */
export async function docsFiles(file: DocsFile): Promise<Response | undefined> {
  return await fetch(import.meta.resolve(`swagger-ui-dist/${file}`)).catch(() => undefined);
}
