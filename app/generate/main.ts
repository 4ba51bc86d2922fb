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
  // The packages first, and the rest in a process of its own: Deno reads them when one starts.
  if (Deno.args[0] === "declarations") await report(generate(root));
  else {
    await report(prepare(root));
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", import.meta.filename ?? "", "declarations"],
      cwd: root,
    }).spawn().status;
    Deno.exitCode = code;
  }
} catch (error) {
  console.error(error instanceof DeclarationError ? error.message : error);
  Deno.exitCode = 1;
}

async function report(files: ReturnType<typeof generate>): Promise<void> {
  for (const path of await writeFiles(root, await files)) console.log(`Wrote ${path}`);
}
