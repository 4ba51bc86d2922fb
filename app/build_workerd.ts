import { readArguments } from "@edgepass/shared/runtime/deno";
import { bundleWorker, listWorkers } from "./workerd_bundle.ts";

readArguments({
  usage:
    "Usage: deno task build:workers\n\nBundles every Worker without an account, and prints what each would weigh.",
  maxWords: 0,
});

/** Bundles every Worker of every placement, and prints the size of each. */
let failed = 0;
for (const config of await listWorkers()) {
  try {
    const { gzipKiB } = await bundleWorker(config);
    console.log(`${config.padEnd(38)} ${gzipKiB.toFixed(1).padStart(7)} KiB gzip`);
  } catch (error) {
    failed++;
    console.error(`${config}: ${error instanceof Error ? error.message : "cannot be built"}`);
  }
}
if (failed > 0) Deno.exit(1);
