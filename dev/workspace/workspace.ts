import { isAbsolute, join, resolve } from "node:path";
import { StartError } from "./start_error.ts";

/** The folder in which dev stores everything that outlives it. */
export interface Workspace {
  readonly root: string;
  /** The path of something inside. */
  at(...parts: readonly string[]): string;
}

/**
 * Creates the folders of `EDGEPASS_HOME` where they are missing; no other user may read them.
 *
 * @throws {StartError} when they cannot be created or written to
 */
export function openWorkspace(path: string): Workspace {
  const root = isAbsolute(path) ? path : resolve(path);
  const workspace: Workspace = { root, at: (...parts) => join(root, ...parts) };
  try {
    makeFolder(root);
    for (const folder of ["keys", "db", "logs", "redis", "qstash", "workers"]) {
      makeFolder(workspace.at(folder));
    }
    const probe = workspace.at("keys", `.probe-${Deno.pid}`);
    Deno.writeTextFileSync(probe, probe, { mode: 0o600 });
    Deno.removeSync(probe);
  } catch (cause) {
    throw new StartError(`EDGEPASS_HOME ${root} is not writable (${kindOf(cause)})`, { cause });
  }
  return workspace;
}

/** An existing folder keeps its mode: its owner chose it. */
function makeFolder(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
}

function kindOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "unknown";
  // A full disk has a code and no name of its own.
  return cause.name === "Error" && "code" in cause ? String(cause.code) : cause.name;
}

/** Ends the exclusive use of a workspace. */
export type Release = () => void;

/**
 * Locks a workspace for this process alone; the operating system releases it however the process
 * ends.
 *
 * @throws {StartError} when another process holds it
 */
export function acquireLock(workspace: Workspace): Release {
  const path = workspace.at("dev.lock");
  for (;;) {
    const lock = Deno.openSync(path, { create: true, read: true, write: true, mode: 0o600 });
    if (!lock.tryLockSync(true)) {
      lock.close();
      throw new StartError(
        `another deno task dev${lockOwner(path)} is using EDGEPASS_HOME ${workspace.root}`,
      );
    }
    if (!isStillThere(lock, path)) {
      lock.close();
      continue;
    }
    lock.truncateSync();
    lock.writeSync(new TextEncoder().encode(String(Deno.pid)));
    return () => {
      Deno.removeSync(path);
      lock.close();
    };
  }
}

/** The process that ends removes the file, so the locked file may have no name any more. */
function isStillThere(lock: Deno.FsFile, path: string): boolean {
  try {
    const [locked, named] = [lock.statSync(), Deno.statSync(path)];
    return locked.ino === named.ino && locked.dev === named.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function lockOwner(path: string): string {
  try {
    const pid = Deno.readTextFileSync(path);
    return /^\d+$/.test(pid) ? ` (process ${pid})` : "";
  } catch {
    return "";
  }
}
