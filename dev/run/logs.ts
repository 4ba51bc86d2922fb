import type { Workspace } from "../workspace/workspace.ts";
import { fileNameOf, type LogFilesOptions, openLogFiles } from "./log_files.ts";
import { type LogLine, readLogLine, showLogLine, showRawLine } from "../terminal/log_line.ts";
import type { Ansi } from "../terminal/text.ts";
import type { LineListener } from "./processes.ts";

export interface Logs {
  /** Takes a line of a child. */
  readonly receive: LineListener;
  /** From now on passes every line to the listener, except wrangler's noise. */
  listen(listener: (line: LogLine) => void): void;
  /** Shows all that children print, or only their warnings and errors, as at first. */
  showAll(isShown: boolean): void;
  /** Shows the warnings and errors of a start that failed: they may explain it. */
  showHeld(): void;
  /** A line of dev itself. */
  report(level: "info" | "warn" | "error", message: string): void;
  close(): void;
}

export interface LogsOptions {
  readonly workspace: Workspace;
  readonly ansi: Ansi;
  readonly print?: (line: string) => void;
  readonly now?: () => number;
  readonly files?: Pick<LogFilesOptions, "elapsed" | "writeSome">;
}

/** More of a start's warnings explain nothing. */
const maxHeld = 20;

/** Wrangler's line for each request; the gateway's own line has more. */
const noise = /^\[wrangler:info\] [A-Z]+ /;

/**
 * Shows what the children print, one line each, and stores all of it as JSON lines by service.
 *
 * A line that is not one of our log lines is shown as it is, and stored as the message of one. What
 * children print while the system starts or ends is stored but not shown: it would bury what the
 * developer needs then. Warnings of a start are over with it, such as the first read before Redis
 * has its revocation list; they are shown if the start fails. Those about settings stay true, and
 * are shown in any case.
 */
export function createLogs(
  { workspace, ansi, print = printLine, now = Date.now, files: fileOptions = {} }: LogsOptions,
): Logs {
  const files = openLogFiles(workspace, {
    ...fileOptions,
    report: (message) => report("warn", message),
  });
  let shownFrom = Infinity;
  let phase: "start" | "run" | "end" = "start";
  const held: { readonly shown: string; readonly isLasting: boolean }[] = [];
  let listener: (line: LogLine) => void = () => {};
  const wrap = (service: string, level: string, message: string): LogLine => ({
    time: new Date(now()).toISOString(),
    level,
    service,
    message,
    fields: {},
  });
  const toJson = ({ fields, ...line }: LogLine) => JSON.stringify({ ...line, ...fields });
  function report(level: "info" | "warn" | "error", message: string): void {
    const line = wrap("dev", level, message);
    files.write("dev", toJson(line));
    listener(line);
    print(showLogLine(line, ansi));
  }
  return {
    receive(text, { name, isError }) {
      const line = readLogLine(text);
      if (line) {
        files.write(fileNameOf(line, name), text);
        listener(line);
        const isTrouble = line.level === "warn" || line.level === "error";
        const writtenAt = Date.parse(line.time) || now();
        const shown = showLogLine(line, ansi);
        if (writtenAt >= shownFrom) print(shown);
        else if (isTrouble && phase === "start") {
          held.push({ shown, isLasting: line.fields.about === "settings" });
        } else if (isTrouble && phase === "end") print(shown);
        return;
      }
      if (text.trim() === "") return;
      const wrapped = wrap(name, isError ? "error" : "info", text);
      files.write(name, toJson(wrapped));
      if (noise.test(text)) return;
      listener(wrapped);
      if (shownFrom <= now()) print(showRawLine(text, name, ansi));
    },
    listen(newListener) {
      listener = newListener;
    },
    showAll(isShown) {
      // A line may be read after the switch but written before it, so its own time counts.
      shownFrom = isShown ? now() : Infinity;
      phase = isShown ? "run" : "end";
      for (const { shown, isLasting } of held.splice(0)) {
        if (isShown && isLasting) print(shown);
      }
    },
    showHeld() {
      for (const { shown } of held.splice(0).slice(-maxHeld)) print(shown);
    },
    report,
    close: files.close,
  };
}

/** Standard output may be a file on a full disk, and then there is nowhere to report that. */
function printLine(line: string): void {
  try {
    console.log(line);
  } catch {
    // The line is lost, and dev runs on.
  }
}
