import { runs } from "./machine.ts";

/** A small separate file system. */
export interface Disk extends AsyncDisposable {
  /** Fills the free space. */
  fill(): void;
  /** Frees the space again. */
  free(): void;
}

const sizeMb = 16;

/** Mounts an in-memory file system; undefined where this process lacks the right. */
export async function mountDisk(path: string): Promise<Disk | undefined> {
  const options = `size=${sizeMb}m,mode=700`;
  if (!(await runs("mount", "-t", "tmpfs", "-o", options, "tmpfs", path))) return undefined;
  const ballast = `${path}/ballast`;
  return {
    fill() {
      using file = Deno.openSync(ballast, { create: true, append: true });
      for (let bytes = 65_536; bytes >= 1;) {
        try {
          file.writeSync(new Uint8Array(bytes));
        } catch {
          bytes = Math.floor(bytes / 2);
        }
      }
    },
    free: () => Deno.removeSync(ballast),
    async [Symbol.asyncDispose]() {
      await runs("umount", path);
    },
  };
}
