import { docsFiles } from "@edgepass/gateway";

/** Puts the files of the page at `/docs` where `[assets]` of the Wrangler files takes them from. */
const folder = new URL("../dist/assets/", import.meta.url);
await Deno.mkdir(folder, { recursive: true });
for (const name of Object.keys(docsFiles)) {
  // Whoever reads the folder meanwhile sees the file of before or the new one, never half of it.
  const half = new URL(`.${name}.${crypto.randomUUID()}`, folder);
  await Deno.copyFile(new URL(import.meta.resolve(`swagger-ui-dist/${name}`)), half);
  await Deno.rename(half, new URL(name, folder));
}
