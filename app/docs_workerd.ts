import type { DocsFile, ReadDocsFile } from "@edgepass/gateway";
import { type Bindings, type Fetcher, readConfig } from "@edgepass/shared/configuration";
import * as z from "zod/mini";

const Config = z.object({
  ASSETS: z.optional(z.custom<Fetcher>(
    (value) => typeof value === "object" && value !== null && "fetch" in value,
    "must be an assets binding",
  )),
});

/**
 * Reads the files of the page at `/docs` from the binding `ASSETS`; without it there is no page.
 */
export function docsAssets(bindings: Bindings): ReadDocsFile | undefined {
  const { ASSETS } = readConfig(Config, bindings);
  if (!ASSETS) return undefined;
  return async function docsAsset(file: DocsFile) {
    const response = await ASSETS.fetch(new Request(`https://assets.internal/${file}`));
    if (response.status === 200) return response;
    await response.body?.cancel();
    return undefined;
  };
}
