import * as z from "zod/mini";
import { join } from "node:path";
import type { Exit, InFlightRequest } from "./api.ts";
import { parseJson } from "@edgepass/shared/crypto";
import { readNumber, readStored, readText } from "./rows.ts";
import type { Database, Row } from "./database.ts";

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

/** What a program of ours notes when a request begins, and when its response is sent. */
const Note = z.union([
  z.object({
    b: z.union([z.string(), z.number()]),
    m: z.string(),
    p: z.string(),
    t: z.number(),
    trace: z.optional(z.string()),
  }),
  z.object({ e: z.union([z.string(), z.number()]) }),
]);

/** Of a larger file only the end is read. */
const maxBytes = 8 * 1024 * 1024;
const maxShown = 20;

/**
 * The requests that were under way when a program stopped writing its notes, the oldest first.
 *
 * Lines are `{"b":id,"m":method,"p":path,"t":ms}` and `{"e":id}`; an id may be a trace's. The last
 * line may be incomplete, and a line that is no note is ignored. A missing file has none.
 */
export function readInFlight(path: string, endedAt: number): InFlightRequest[] {
  const open = new Map<string, InFlightRequest[]>();
  for (const line of readEnd(path).split("\n")) {
    const { data: note } = z.safeParse(Note, parseJson(line));
    if (!note) continue;
    const id = String("b" in note ? note.b : note.e);
    const same = open.get(id) ?? [];
    open.set(id, same);
    if ("e" in note) same.shift();
    else {
      const traceId = /^[0-9a-f]{32}$/.test(id) ? id : null;
      same.push({
        traceId,
        method: note.m,
        path: note.p,
        sinceMs: Math.max(0, Math.round(endedAt - note.t)),
      });
    }
    if (same.length === 0) open.delete(id);
  }
  return [...open.values()].flat().toSorted((a, b) => b.sinceMs - a.sinceMs).slice(0, maxShown);
}

function readEnd(path: string): string {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
  using opened = file;
  const { size } = opened.statSync();
  opened.seekSync(Math.max(0, size - maxBytes), Deno.SeekMode.Start);
  const bytes = new Uint8Array(Math.min(size, maxBytes));
  let length = 0;
  for (let read: number | null; (read = opened.readSync(bytes.subarray(length))) !== null;) {
    length += read;
    if (read === 0) break;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

/** Exits that are stored; the oldest is deleted first. */
const maxExits = 200;

/** Stores how a process ended. */
export function addExit(db: Database, exit: Exit): void {
  db.atomically(() => {
    db.run(
      "INSERT INTO exits (time, is_expected, exit) VALUES (?, ?, ?)",
      exit.time,
      exit.isExpected ? 1 : 0,
      JSON.stringify(exit),
    );
    db.run("DELETE FROM exits WHERE id <= (SELECT max(id) FROM exits) - ?", maxExits);
  });
}

/** The last exits, the newest first. */
export function listExits(db: Database, limit: number): Exit[] {
  return db.all("SELECT * FROM exits ORDER BY time DESC, id DESC LIMIT ?", limit).map(toExit);
}

/** Unexpected exits that were not reported yet, the oldest first. */
export function listUnreported(db: Database): Exit[] {
  return db.all("SELECT * FROM exits WHERE is_expected = 0 AND is_told = 0 ORDER BY time, id")
    .map(toExit);
}

/** From now on all stored exits count as reported. */
export function markReported(db: Database): void {
  db.run("UPDATE exits SET is_told = 1 WHERE is_told = 0");
}

function toExit(row: Row): Exit {
  return { ...readStored<Exit>(readText(row, "exit")), time: readNumber(row, "time") };
}

/** Describes in a few words how a process ended. */
export function describeEnd({ code, signal }: Pick<Exit, "code" | "signal">): string {
  if (signal !== null) return `ended by ${signal}`;
  return code === null ? "ended without an exit code" : `ended with code ${code}`;
}
