import { lockFile } from "../loopback.ts";
import type { Command } from "./protocol.ts";

/** Where the embedded engine stores its writes. */
export interface Persistence {
  /** Every group of writes stored so far, oldest first. */
  read(): Iterable<readonly Command[]>;
  /** Whether the last group was torn, so that `read` leaves it out. */
  isTorn(): boolean;
  /** Replaces everything stored; after a crash either all of the old or all of the new is there. */
  replace(groups: Iterable<readonly Command[]>): void;
  /** Stores one group: after a crash all of it is there or nothing. */
  append(group: readonly Command[]): void;
  close(): void;
}

const encoder = new TextEncoder();

/**
 * Opens the append-only file at `path`, created with its folder where missing (mode 600).
 *
 * Each line is a JSON array of commands that belong together. A line is with the operating system
 * before its command gets its reply, so a kill of the process loses nothing that got a reply; a
 * power cut may. A last line without its line feed was torn by a kill and is dropped.
 *
 * @throws {Error} if another process holds the file
 */
export function openAppendOnlyFile(path: string): Persistence {
  const release = lockFile(path, "embedded Redis");
  let file: Deno.FsFile | undefined;

  return {
    *read() {
      for (const [index, line] of readLines(path).entries()) yield parseLine(line, index, path);
    },
    isTorn() {
      const text = readText(path);
      return text !== "" && !text.endsWith("\n");
    },
    replace(groups) {
      file?.close();
      file = undefined;
      replaceFile(path, groups);
    },
    append(group) {
      file ??= openForAppend(path);
      appendComplete(file, encoder.encode(JSON.stringify(group) + "\n"));
    },
    close() {
      file?.close();
      release();
    },
  };
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function readLines(path: string): string[] {
  const text = readText(path);
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").slice(0, -1);
}

function parseLine(line: string, index: number, path: string): readonly Command[] {
  try {
    const group: unknown = JSON.parse(line);
    if (Array.isArray(group) && group.every(isCommand)) return group;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Error(`Cannot read ${path}: line ${index + 1} is damaged`);
}

function isCommand(value: unknown): value is Command {
  return Array.isArray(value) && value.every((word) => typeof word === "string");
}

function replaceFile(path: string, groups: Iterable<readonly Command[]>): void {
  const draft = `${path}.new`;
  const file = Deno.openSync(draft, { create: true, write: true, truncate: true, mode: 0o600 });
  try {
    for (const group of groups) writeAll(file, encoder.encode(JSON.stringify(group) + "\n"));
    file.syncSync();
  } finally {
    file.close();
  }
  Deno.renameSync(draft, path);
}

/**
 * Opens for appending after the last complete line: a torn line must not merge with the next one.
 */
function openForAppend(path: string): Deno.FsFile {
  const file = Deno.openSync(path, { create: true, read: true, append: true, mode: 0o600 });
  const completeBytes = encoder.encode(readLines(path).map((line) => line + "\n").join("")).length;
  if (file.statSync().size > completeBytes) file.truncateSync(completeBytes);
  return file;
}

/** A full disk may take half of a line: without its removal the next line would be lost with it. */
function appendComplete(file: Deno.FsFile, line: Uint8Array): void {
  const { size } = file.statSync();
  try {
    writeAll(file, line);
  } catch (error) {
    file.truncateSync(size);
    throw error;
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}

/** The state of an append-only file, read without its lock: a running dev may hold it. */
export type FileState = "absent" | "whole" | "torn" | { readonly damage: string };

/** Checks whether a start could read the file. A torn last line is dropped then; damage ends it. */
export function inspectAppendOnlyFile(path: string): FileState {
  try {
    const lines = readLines(path);
    for (const [index, line] of lines.entries()) parseLine(line, index, path);
    const text = Deno.readTextFileSync(path);
    return text === "" || text.endsWith("\n") ? "whole" : "torn";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "absent";
    return { damage: error instanceof Error ? error.message : `Cannot read ${path}` };
  }
}
