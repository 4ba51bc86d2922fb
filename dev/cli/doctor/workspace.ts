import { join } from "node:path";
import { type DoctorContext, type Effects, fail, type Finding, ok, warn } from "./context.ts";
import { modes } from "../../workspace/workspace.ts";
import { openAnyForReading } from "../../collector/mod.ts";
import { inspectAppendOnlyFile } from "@edgepass/local/redis";

const mebibyte = 1024 * 1024;
/** SQLite needs room for its journal, and the embedded Redis for its file while it is rewritten. */
const scarceBytes = 50 * mebibyte;
const modestBytes = 500 * mebibyte;

/**
 * Dev's workspace is writable, its secrets are readable by their owner alone, and which process
 * uses it.
 */
export function checkWorkspace(context: DoctorContext, effects: Effects): Finding[] {
  if (context.scope === "deployment") return [];
  const { workspace, dev } = context;
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
      findings.push(fail(`${path} is open to other users`, `chmod 600 ${path}`));
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
        `the last dev (process ${dev.pid}) was killed; its state is still there`,
        "deno task dev continues with it",
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

/** The files of dev's own Redis and QStash can be read, in every mode of dev. */
export function checkFiles({ scope, workspace, dev }: DoctorContext): Finding[] {
  if (scope === "deployment") return [];
  const placed = Object.values(modes);
  const redis = [...new Set(placed.map((mode) => mode.redis))].map((file) => join(workspace, file));
  const qstash = [...new Set(placed.map((mode) => mode.qstash))].map((file) =>
    join(workspace, file)
  );
  const findings = [
    ...redis.flatMap((path) => checkAppendOnlyFile(path, dev.name === "running")),
    ...qstash.flatMap(checkMessages),
  ];
  return findings.length > 0 ? findings : [ok("the state of dev's Redis and QStash can be read")];
}

function checkAppendOnlyFile(path: string, isInUse: boolean): Finding[] {
  const state = inspectAppendOnlyFile(path);
  if (typeof state === "object") {
    return [fail(
      `dev's Redis cannot start: ${state.damage}`,
      `restore ${path} from a copy, or start empty, which services rebuild: rm ${path}`,
    )];
  }
  // While dev runs, its last line may be still in the write.
  if (state !== "torn" || isInUse) return [];
  return [warn(
    `the last line of ${path} is incomplete, as after a kill or a full disk`,
    "deno task dev, which drops it",
  )];
}

function checkMessages(path: string): Finding[] {
  if (!isThere(path)) return [];
  try {
    using db = openAnyForReading(path);
    const row = db.get("PRAGMA quick_check(1)");
    if (row?.quick_check === "ok") return [];
  } catch {
    // SQLite's own message would not help: the file is not readable.
  }
  return [fail(
    `dev's QStash cannot use ${path}: it is damaged or no database`,
    `restore ${path} from a copy, or start empty: rm ${path}*; then deno task events:verify --repair`,
  )];
}

/** A file of no bytes is a database without tables yet. */
function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).size > 0;
  } catch {
    return false;
  }
}

const hostname = "127.0.0.1";

/** The ports that dev listens on are free, or its own. */
export function checkPorts({ scope, settings, dev, refusal }: DoctorContext): Finding[] {
  // Without settings dev ends before it opens its ports.
  if (scope === "deployment" || (refusal !== undefined && settings.PORT === "")) return [];
  return (["PORT", "DASHBOARD_PORT"] as const).flatMap((name) => {
    const port = Number(settings[name]);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return [];
    const trouble = tryToListen(port);
    if (trouble === undefined) return [ok(`${name} ${port} is free`)];
    if (dev.name === "running") return [ok(`${name} ${port} is in use while dev is running`)];
    return [fail(`${name} ${port} ${trouble}`, `set ${name} to another port`)];
  });
}

function tryToListen(port: number): string | undefined {
  try {
    Deno.listen({ hostname, port }).close();
    return undefined;
  } catch (error) {
    return error instanceof Deno.errors.AddrInUse
      ? "is in use by another program"
      : "may not be listened on";
  }
}
