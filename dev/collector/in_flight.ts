import { parseJson } from "@edgepass/shared/crypto";
import * as z from "zod/mini";
import type { InFlightRequest } from "./api.ts";

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
