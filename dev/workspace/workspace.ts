import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { StartError } from "./start.ts";

/** The root of the working copy. */
export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

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

/**
 * A text that is generated once and then stored in a file of its own (mode 600).
 *
 * The file appears complete or not at all: a kill during the write leaves no half of it.
 *
 * @throws {StartError} when the file is there and is empty or cannot be read
 */
export async function readOrCreateText(
  workspace: Workspace,
  [folder, name]: readonly [folder: string, name: string],
  make: () => string | Promise<string>,
): Promise<string> {
  const path = workspace.at(folder, name);
  const stored = read(path);
  if (stored !== undefined) return stored;
  const made = await make();
  writeText(path, made);
  return made;
}

/** Replaces a file atomically, mode 600. */
export function writeText(path: string, text: string): void {
  const draft = `${path}.new`;
  Deno.writeTextFileSync(draft, text, { mode: 0o600 });
  Deno.renameSync(draft, path);
}

function read(path: string): string | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path).trim();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new StartError(`${path} cannot be read`, { cause });
  }
  if (text === "") throw new StartError(`${path} is empty; delete it and a new one is made`);
  return text;
}

/** The ways in which dev runs the system. */
export const modes = {
  together: {
    words: "all in one process",
    redis: "redis/dev.aof",
    qstash: "qstash/dev.sqlite",
    seeded: "db/seeded",
  },
  apart: {
    words: "every service in a process of its own",
    redis: "redis/dev.aof",
    qstash: "qstash/dev.sqlite",
    seeded: "db/seeded",
  },
  // Its databases are separate, and so are its revocations and events.
  workers: {
    words: "in workerd",
    redis: "redis/workers.aof",
    qstash: "qstash/workers.sqlite",
    seeded: "workers/seeded",
  },
} as const;
export type Mode = keyof typeof modes;
