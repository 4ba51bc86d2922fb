import { join } from "node:path";
import { modes } from "../../workspace/modes.ts";
import { openAnyForReading } from "../../collector/mod.ts";
import { inspectAppendOnlyFile } from "@edgepass/local/redis";
import { fail, type Finding, ok, warn } from "./finding.ts";
import type { DoctorContext } from "./context.ts";

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
  return findings.length > 0 ? findings : [ok("what dev's Redis and QStash keep can be read")];
}

function checkAppendOnlyFile(path: string, isInUse: boolean): Finding[] {
  const state = inspectAppendOnlyFile(path);
  if (typeof state === "object") {
    return [fail(
      `dev's Redis cannot start: ${state.damage}`,
      `restore ${path} from a copy, or begin with nothing, which services fill again: rm ${path}`,
    )];
  }
  // While dev runs, its last line may be still in the write.
  if (state !== "torn" || isInUse) return [];
  return [warn(
    `the last line of ${path} was torn, as by a kill or a full disk`,
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
    `restore ${path} from a copy, or begin with nothing: rm ${path}*; then deno task events:verify --repair`,
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
