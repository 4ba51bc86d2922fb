import { readArguments } from "@edgepass/shared/runtime/deno";
import { bundleWorker, listWorkers } from "../app/workerd_bundle.ts";
import { replaceSection } from "../ops/generated_section.ts";
import { readProjectFile } from "./support/markdown.ts";
import { writeFormatted } from "./support/write_formatted.ts";

/** The document that lists what every Worker's bundle weighs. */
export const sizesDocument = "docs/deploy.md";

/** Wrangler file → compressed size in KiB. */
type Sizes = ReadonlyMap<string, number>;

/** A document that asked for a new figure at every small change would be rewritten unread. */
const tolerance = 0.05;

const markers = {
  begin: "<!-- bundle sizes: written by deno task docs:sizes -->",
  end: "<!-- end of bundle sizes -->",
};

/**
 * A document with the sizes between its two markers, in whole KiB.
 *
 * @throws {RangeError} if it has no markers
 */
export function withSizes(document: string, sizes: Sizes): string {
  const rows = Array.from(sizes, ([config, size]) => `| \`${config}\` | ${Math.round(size)} KiB |`);
  const table = ["| Worker | compressed by gzip |", "| -- | --: |", ...rows];
  return replaceSection(document, markers, table.join("\n"));
}

/** One line for each Worker whose documented size is missing, superfluous or off by over 5 %. */
export function findOutdatedSizes(document: string, built: Sizes): string[] {
  const written = readSizes(document);
  return [...new Set([...built.keys(), ...written.keys()])].flatMap((config) => {
    const [documented, actual] = [written.get(config), built.get(config)];
    if (documented === undefined) return [`${config} is not documented`];
    if (actual === undefined) return [`${config} is documented, but there is no such Worker`];
    return Math.abs(actual - documented) <= documented * tolerance
      ? []
      : [`${config}: documented ${documented} KiB, built ${actual} KiB`];
  });
}

function readSizes(document: string): Sizes {
  const [, section = ""] = document.split(markers.begin);
  const [table = ""] = section.split(markers.end);
  const rows = table.matchAll(/^\| `(\S+)` +\| +(\d+) KiB \|$/gm);
  return new Map(Array.from(rows, ([, config = "", size]) => [config, Number(size)]));
}

/** Builds the Workers of these Wrangler files, or of all; the sizes of the others stay. */
async function buildSizes(document: string, configs: readonly string[]): Promise<Sizes> {
  const written = readSizes(document);
  const sizes = new Map<string, number>();
  for (const config of await listWorkers()) {
    const before = configs.length === 0 || configs.includes(config)
      ? undefined
      : written.get(config);
    sizes.set(config, before ?? (await bundleWorker(config)).gzipKiB);
  }
  return sizes;
}

if (import.meta.main) {
  readArguments({
    usage:
      `Usage: deno task docs:sizes [<Wrangler file> …]\n\nBundles every Worker, or these and the undocumented, and writes the sizes into ${sizesDocument}.`,
  });
  const document = await readProjectFile(sizesDocument);
  const sizes = await buildSizes(document, Deno.args);
  await writeFormatted(sizesDocument, withSizes(document, sizes));
}
