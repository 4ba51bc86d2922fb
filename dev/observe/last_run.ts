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

/** A run whose end nobody saw. */
export interface Crash {
  readonly startedAt: number;
  readonly exit: Exit;
}

/**
 * How the run before this one ended, if dev itself was ended without being asked: its marker is
 * still there. Nobody saw the end, so the time is when something was last written.
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

/** Notes that this run has begun, and clears what the one before has left. */
export function markRunning(
  folder: string,
  run: { readonly pid: number; readonly startedAt: number },
): void {
  for (const file of listFiles(folder)) {
    if (/^inflight-.*\.jsonl$/.test(file)) Deno.removeSync(join(folder, file));
  }
  Deno.writeTextFileSync(join(folder, marker), JSON.stringify(run), { mode: 0o600 });
}

/** Notes that this run has ended as it should. */
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
