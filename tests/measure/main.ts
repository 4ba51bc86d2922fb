/** Prints the figures of the house, counted from the tree as it is. */
import { readArguments } from "@edgepass/shared/runtime/deno";
import { readProjectFile } from "../support/markdown.ts";
import { writeFormatted } from "../support/write_formatted.ts";
import { type Measurements, toFigures } from "./figures.ts";
import { countExports, readEntryPoints } from "./public_names.ts";
import { readMeasuredFiles, readSources } from "./read_facts.ts";
import { figuresDocument, toText, withFigures } from "./table.ts";
import { measureTouched } from "./touched.ts";

readArguments({
  usage:
    `Usage: deno task measure [--write]\n\nPrints figures of the source, counted from the tree, and the aims for them;\n--write also writes them into ${figuresDocument}.`,
  maxWords: 0,
});
const figures = toFigures(await measure());
console.log(toText(figures));
if (Deno.args.includes("--write")) {
  await writeFormatted(
    figuresDocument,
    withFigures(await readProjectFile(figuresDocument), figures),
  );
}
// Connections of the measured product to its clients may still be open.
Deno.exit(0);

async function measure(): Promise<Measurements> {
  // Loads Wrangler, which the usage does not need.
  const { measureWarmRequest } = await import("./executed.ts");
  const files = await readMeasuredFiles();
  const shared = await readEntryPoints("shared");
  const packages = new Map(shared);
  for (const unit of ["gateway", "control"]) {
    if (!files.some(({ path }) => path.startsWith(`${unit}/`))) continue;
    for (const [specifier, path] of await readEntryPoints(unit)) packages.set(specifier, path);
  }
  return {
    files,
    local: await readSources(["dev", "local"]),
    executed: await measureWarmRequest(),
    packages,
    entryPoints: shared.size,
    exports: await countExports(shared),
    touched: await measureTouched(),
  };
}
