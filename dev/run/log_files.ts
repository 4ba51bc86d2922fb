import type { Workspace } from "../workspace/workspace.ts";
import type { LogLine } from "../terminal/log_line.ts";
import { createWriteGuard } from "../workspace/write_guard.ts";

export interface LogFilesOptions {
  /** A file that would grow beyond this becomes `<service>.old.jsonl`. */
  readonly maxBytes?: number;
  /**
   * Called when lines begin to be lost, on a full disk for example, and when they are written
   * again.
   */
  readonly report?: (message: string) => void;
  /** Writes some of the bytes, and returns how many; for tests that have no full disk. */
  readonly elapsed?: () => number;
  readonly writeSome?: (file: Deno.FsFile, bytes: Uint8Array) => number;
}

export interface LogFiles {
  /** Writes one line, JSON without its line feed, to the file of a service; never throws. */
  write(service: string, line: string): void;
  close(): void;
}

interface OpenFile {
  readonly file: Deno.FsFile;
  readonly path: string;
  bytes: number;
}

const encoder = new TextEncoder();

/**
 * Log files by service in the workspace's `logs`, bounded: one of `maxBytes` and the one before it.
 */
export function openLogFiles(
  workspace: Workspace,
  {
    maxBytes = 10 * 1024 * 1024,
    report = () => {},
    elapsed,
    writeSome = (file, bytes) => file.writeSync(bytes),
  }: LogFilesOptions = {},
): LogFiles {
  const files = new Map<string, OpenFile>();
  const guard = createWriteGuard({
    what: `Files in ${workspace.at("logs")}`,
    report,
    ...elapsed && { elapsed },
  });

  function fileFor(service: string, incoming: number): OpenFile {
    const current = files.get(service) ?? open(workspace.at("logs", `${service}.jsonl`));
    files.set(service, current);
    if (current.bytes === 0 || current.bytes + incoming <= maxBytes) return current;
    // Out of the map first: what follows may fail, and a closed file could never be written again.
    files.delete(service);
    current.file.close();
    Deno.renameSync(current.path, current.path.replace(/\.jsonl$/, ".old.jsonl"));
    const fresh = open(current.path);
    files.set(service, fresh);
    return fresh;
  }

  function writeWhole(service: string, line: string): void {
    const bytes = encoder.encode(line + "\n");
    const target = fileFor(service, bytes.length);
    try {
      for (let at = 0; at < bytes.length;) at += writeSome(target.file, bytes.subarray(at));
    } catch (error) {
      // Half a line would make the next one unreadable, too.
      target.file.truncateSync(target.bytes);
      throw error;
    }
    target.bytes += bytes.length;
  }

  return {
    write: (service, line) => guard.attempt(() => writeWhole(service, line)),
    close() {
      for (const { file } of files.values()) file.close();
      files.clear();
    },
  };
}

function open(path: string): OpenFile {
  const file = Deno.openSync(path, { create: true, append: true, mode: 0o600 });
  return { file, path, bytes: file.statSync().size };
}

/** The name of a log line's file: its service's where that can be a file name. */
export function fileNameOf(line: LogLine, processName: string): string {
  return /^[a-z][a-z0-9-]{0,31}$/.test(line.service) ? line.service : processName;
}
