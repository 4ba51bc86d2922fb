import { runs } from "./machine.ts";

/** A small file system of its own. */
export interface Disk extends AsyncDisposable {
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back. */
  free(): void;
}

const sizeMb = 16;

/** Mounts a file system in memory; undefined where this process may not. */
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
