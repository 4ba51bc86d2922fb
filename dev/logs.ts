import type { Workspace } from "./workspace.ts";
import { fileNameOf, type LogFilesOptions, openLogFiles } from "./log_files.ts";
import { type LogLine, readLogLine } from "./log_line.ts";
import { showLogLine, showRawLine } from "./log_view.ts";
import type { Ansi } from "./ansi.ts";
import type { LineListener } from "./processes.ts";

export interface Logs {
  /** Takes a line of a child. */
  readonly hear: LineListener;
  /** From now on hands every line over that is worth keeping. */
  listen(listener: (line: LogLine) => void): void;
  /** Shows all that children print, or only their warnings and errors, as at first. */
  showAll(isShown: boolean): void;
  /** Shows the trouble of a start that did not succeed, which may be why. */
  showHeld(): void;
  /** A line of dev itself. */
  say(level: "info" | "warn" | "error", message: string): void;
  close(): void;
}

export interface LogsOptions {
  readonly workspace: Workspace;
  readonly ansi: Ansi;
  readonly print?: (line: string) => void;
  readonly now?: () => number;
  readonly files?: Pick<LogFilesOptions, "elapsed" | "writeSome">;
}

/** More of a start's trouble explains nothing. */
const maxHeld = 20;

/** What wrangler says of each request; the gateway says it better. */
const noise = /^\[wrangler:info\] [A-Z]+ /;

/**
 * Shows what the children print, one line each, and keeps all of it as JSON lines by service.
 *
 * What is no log line is shown as it is, and kept as the message of one. What children say while
 * the system starts or ends is kept, but it would bury what somebody wants to see then. Trouble of a
 * start is over with it, as of a first question before Redis has its list, and is shown if it fails.
 */
export function createLogs(
  { workspace, ansi, print = printLine, now = Date.now, files: fileOptions = {} }: LogsOptions,
): Logs {
  const files = openLogFiles(workspace, {
    ...fileOptions,
    report: (message) => say("warn", message),
  });
  let shownFrom = Infinity;
  let phase: "start" | "run" | "end" = "start";
  const held: string[] = [];
  let listener: (line: LogLine) => void = () => {};
  const wrap = (service: string, level: string, message: string): LogLine => ({
    time: new Date(now()).toISOString(),
    level,
    service,
    message,
    fields: {},
  });
  const toJson = ({ fields, ...line }: LogLine) => JSON.stringify({ ...line, ...fields });
  function say(level: "info" | "warn" | "error", message: string): void {
    const line = wrap("dev", level, message);
    files.write("dev", toJson(line));
    listener(line);
    print(showLogLine(line, ansi));
  }
  return {
    hear(text, { name, isError }) {
      const line = readLogLine(text);
      if (line) {
        files.write(fileNameOf(line, name), text);
        listener(line);
        const isTrouble = line.level === "warn" || line.level === "error";
        const writtenAt = Date.parse(line.time) || now();
        const shown = showLogLine(line, ansi);
        if (writtenAt >= shownFrom) print(shown);
        else if (isTrouble && phase === "start") held.push(shown);
        else if (isTrouble && phase === "end") print(shown);
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
      // What was written before may be read after, so it is the line's own time that counts.
      shownFrom = isShown ? now() : Infinity;
      phase = isShown ? "run" : "end";
      held.length = 0;
    },
    showHeld() {
      for (const line of held.splice(0).slice(-maxHeld)) print(line);
    },
    say,
    close: files.close,
  };
}

/** Standard output may be a file on a full disk, and there is nothing left to say that to. */
function printLine(line: string): void {
  try {
    console.log(line);
  } catch {
    // The line is lost, and dev runs on.
  }
}
