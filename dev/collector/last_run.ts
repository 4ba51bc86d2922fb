import { join } from "node:path";
import * as z from "zod/mini";
import type { Exit } from "./api.ts";
import { readInFlight } from "./in_flight.ts";

const marker = "running.json";
const Marker = z.object({ startedAt: z.number() });

/** The file in which a program notes its requests under way. */
export function inFlightFile(folder: string, name: string): string {
  return join(folder, `inflight-${name}.jsonl`);
}

/** A run that ended without a trace of its end. */
export interface Crash {
  readonly startedAt: number;
  readonly exit: Exit;
}

/**
 * How the run before this one ended, if dev itself was killed: its marker is still there. The end
 * was not recorded, so its time is that of the last write.
 */
export function findCrash(folder: string): Crash | undefined {
  const files = listFiles(folder);
  if (!files.includes(marker)) return undefined;
  const times = files.map((file) => Deno.statSync(join(folder, file)).mtime?.getTime() ?? 0);
  const time = Math.max(...times);
  const notes = files.filter((file) => /^inflight-.*\.jsonl$/.test(file));
  const exit = {
    name: "dev",
    time,
    code: null,
    signal: null,
    lastLines: [],
    inFlight: notes.flatMap((file) => readInFlight(join(folder, file), time)),
    isExpected: false,
  };
  return { startedAt: readStart(join(folder, marker)) ?? time, exit };
}

/** Marks this run as running, and deletes the notes of the one before. */
export function markRunning(
  folder: string,
  run: { readonly pid: number; readonly startedAt: number },
): void {
  for (const file of listFiles(folder)) {
    if (/^inflight-.*\.jsonl$/.test(file)) Deno.removeSync(join(folder, file));
  }
  Deno.writeTextFileSync(join(folder, marker), JSON.stringify(run), { mode: 0o600 });
}

/** Marks this run as ended in good order. */
export function markEnded(folder: string): void {
  try {
    Deno.removeSync(join(folder, marker));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A kill may have left the marker half written. */
function readStart(path: string): number | undefined {
  try {
    return z.safeParse(Marker, JSON.parse(Deno.readTextFileSync(path))).data?.startedAt;
  } catch {
    return undefined;
  }
}

function listFiles(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
