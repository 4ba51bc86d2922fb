import { join } from "node:path";
import { fail, type Finding, ok, warn } from "./finding.ts";
import type { DoctorContext, Effects } from "./context.ts";

const mebibyte = 1024 * 1024;
/** SQLite needs room for its journal, and the embedded Redis for its file while it is rewritten. */
const scarceBytes = 50 * mebibyte;
const modestBytes = 500 * mebibyte;

/**
 * Dev's workspace is writable, its secrets are readable by their owner alone, and which process
 * uses it.
 */
export function checkWorkspace(doctorContext: DoctorContext, effects: Effects): Finding[] {
  if (doctorContext.scope === "deployment") return [];
  const { workspace, dev } = doctorContext;
  const kind = kindOf(workspace);
  if (kind === "absent") {
    return [warn(`${workspace} is not there: nothing was ever started here`, "deno task dev")];
  }
  if (kind === "other" || !isWritable(workspace)) {
    return [
      fail(
        `${workspace} is no folder that can be written to`,
        "set EDGEPASS_HOME to a folder of yours",
      ),
    ];
  }
  const findings = [
    ...checkSecrets(workspace),
    ...checkRoom(effects.freeBytes(workspace), workspace),
  ];
  return [...findings.length === 0 ? [ok(`${workspace} can be written to`)] : findings, toUse(dev)];
}

function kindOf(path: string): "absent" | "folder" | "other" {
  try {
    return Deno.statSync(path).isDirectory ? "folder" : "other";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? "absent" : "other";
  }
}

function isWritable(workspace: string): boolean {
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: workspace, prefix: ".probe-" }));
    return true;
  } catch {
    return false;
  }
}

function checkSecrets(workspace: string): Finding[] {
  const paths = [join(workspace, "dev.env"), ...listFiles(join(workspace, "keys"))];
  const findings: Finding[] = [];
  for (const path of paths) {
    const file = statOf(path);
    if (file === undefined) continue;
    if (file.size === 0) findings.push(fail(`${path} is empty`, `rm ${path}`));
    // Windows has no such modes.
    if (((file.mode ?? 0) & 0o077) !== 0) {
      findings.push(fail(`${path} is open to others than its owner`, `chmod 600 ${path}`));
    }
  }
  return findings;
}

function checkRoom(free: number, workspace: string): Finding[] {
  if (free >= modestBytes) return [];
  const what = `${Math.floor(free / mebibyte)} MiB are left on the disk of ${workspace}`;
  const fix = "make room there, or set EDGEPASS_HOME to a folder on another disk";
  return [free < scarceBytes ? fail(what, fix) : warn(what, fix)];
}

function toUse(dev: DoctorContext["dev"]): Finding {
  switch (dev.name) {
    case "running":
      return ok(`in use by the running dev (process ${dev.pid})`);
    case "killed":
      return warn(
        `the last dev (process ${dev.pid}) was ended by force; what it kept is there`,
        "deno task dev takes the home over",
      );
    case "stopped":
      return ok("not in use: dev is not running");
    case "never":
      return warn("nothing was ever started here", "deno task dev");
  }
}

function listFiles(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
      .map(({ name }) => join(folder, name)).toSorted();
  } catch {
    return [];
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
