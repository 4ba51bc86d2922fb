import { docsFiles } from "@edgepass/gateway";

/**
 * Writes the files of the page at `/docs` to the folder that `[assets]` of the Wrangler files
 * names.
 */
const folder = new URL("../dist/assets/", import.meta.url);
await Deno.mkdir(folder, { recursive: true });
for (const name of Object.keys(docsFiles)) {
  // A temporary file that is renamed: a concurrent reader sees the old file or the new one, never
  // half of it.
  const temporary = new URL(`.${name}.${crypto.randomUUID()}`, folder);
  await Deno.copyFile(new URL(import.meta.resolve(`swagger-ui-dist/${name}`)), temporary);
  await Deno.rename(temporary, new URL(name, folder));
}
