import { bundleWorker } from "../../app/workerd_bundle.ts";
import { waitUntil } from "./wait.ts";

/** A Worker as wrangler would upload it, built once in a run of all tests. */
export interface BuiltWorker {
  /** What would be uploaded. */
  readonly folder: string;
  /** esbuild's list of included files. */
  readonly metafile: string;
  readonly gzipKiB: number;
}

/** The folder that all tests of a run share; undefined where a test runs by itself. */
export const runFolder = Deno.env.get("EDGEPASS_TEST_RUN") || undefined;

const builtWithinMs = 300_000;

/**
 * Bundles the Worker of a Wrangler file, or waits for the test that is doing it: dozens of tests of
 * a run start the same Workers.
 *
 * @param run the folder to share, which someone else deletes
 * @throws {Error} with wrangler's output, to every test that asks
 */
export async function buildWorkerOnce(
  config: string,
  run: string,
  build: typeof bundleWorker = bundleWorker,
): Promise<BuiltWorker> {
  const place = `${run}/${config.replaceAll("/", "-")}`;
  const [folder, metafile] = [`${place}/worker`, `${place}/meta.json`];
  const [built, failed] = [`${place}/built`, `${place}/failed`];
  if (await becomesFirst(place)) {
    try {
      const { gzipKiB } = await build(config, { outdir: folder, metafile });
      await writeWhole(built, String(gzipKiB));
    } catch (error) {
      await writeWhole(failed, error instanceof Error ? error.message : String(error));
    }
  }
  const isOver = async () => await exists(built) || await exists(failed);
  await waitUntil(`${config} is bundled`, isOver, builtWithinMs);
  if (await exists(failed)) throw new Error(await Deno.readTextFile(failed));
  return { folder, metafile, gzipKiB: Number(await Deno.readTextFile(built)) };
}

/** A harness's Workers of these Wrangler files; in a run they are bundled only once. */
export async function withBuiltWorkers<Worker extends { readonly configPath: string }>(
  workers: readonly Worker[],
  run = runFolder,
): Promise<(Worker & { readonly prebuiltWorkerDir?: string })[]> {
  if (run === undefined) return [...workers];
  const built: (Worker & { readonly prebuiltWorkerDir: string })[] = [];
  for (const worker of workers) {
    const config = worker.configPath.replace(/^\.\//, "");
    const { folder } = await buildWorkerOnce(config, run);
    built.push({ ...worker, prebuiltWorkerDir: folder });
  }
  return built;
}

/** Test files run at the same time, so who creates the folder decides it. */
async function becomesFirst(place: string): Promise<boolean> {
  try {
    await Deno.mkdir(place);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Who waits for a file must not read half of it. */
async function writeWhole(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.part`, text);
  await Deno.rename(`${path}.part`, path);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
