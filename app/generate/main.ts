import { readArguments } from "@edgepass/shared/runtime/deno";
import { DeclarationError } from "./describe.ts";
import { generate, prepare, writeFiles } from "./generate.ts";

const root = new URL("../../", import.meta.url);

readArguments({
  usage:
    "Usage: deno task generate\n\nWrites everything that follows from app/services.ts and the declarations of the services:\nroutes, entries, Wrangler files, packages, the table of events and that of the settings.",
  maxWords: 1,
});

try {
  // The packages first, in a process of their own: Deno reads them when a process starts.
  if (Deno.args[0] === "packages") await report(prepare(root));
  else {
    await report(generate(root));
  }
} catch (error) {
  console.error(error instanceof DeclarationError ? error.message : error);
  Deno.exit(1);
}

async function report(files: ReturnType<typeof generate>): Promise<void> {
  for (const path of await writeFiles(root, await files)) console.log(`Wrote ${path}`);
}
