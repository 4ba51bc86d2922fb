/** A Worker as wrangler would upload it. */
export interface Bundle {
  /** The Worker's own code, compressed, as reported by wrangler; plans limit this size. */
  readonly gzipKiB: number;
}

export interface BundleOptions {
  /** Where the code goes; without it, a temporary folder that is deleted. */
  readonly outdir?: string;
  /** Where esbuild writes the list of included files. */
  readonly metafile?: string;
}

const root = new URL("../", import.meta.url);

/** Without an account, network access or telemetry. */
const variables = {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  NO_COLOR: "1",
};

/**
 * Every Wrangler file, by its path from the root: the product all in one, the split, then the
 * control plane alone.
 */
export async function listWorkers(): Promise<string[]> {
  const services: string[] = [];
  for await (const { name } of Deno.readDir(new URL("services/", root))) {
    const path = `services/${name}/wrangler.toml`;
    if (await Deno.stat(new URL(path, root)).then(() => true, () => false)) services.push(path);
  }
  return ["wrangler.toml", "wrangler.split.toml", ...services.toSorted(), "control/wrangler.toml"];
}

/**
 * Bundles the Worker of a Wrangler file by `wrangler deploy --dry-run`, without an account.
 *
 * @throws {Error} with wrangler's output
 */
export async function bundleWorker(
  config: string,
  { outdir, metafile }: BundleOptions = {},
): Promise<Bundle> {
  const folder = outdir ?? await Deno.makeTempDir();
  try {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--allow-all",
        "--quiet",
        import.meta.resolve("wrangler"),
        ...["deploy", "--dry-run", "--config", config, "--outdir", folder],
        ...(metafile === undefined ? [] : ["--metafile", metafile]),
      ],
      cwd: root,
      env: variables,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    const gzip = /gzip: ([\d.]+) KiB/.exec(text)?.[1];
    if (!success || gzip === undefined) throw new Error(text.trim());
    return { gzipKiB: Number(gzip) };
  } finally {
    if (outdir === undefined) await Deno.remove(folder, { recursive: true });
  }
}
