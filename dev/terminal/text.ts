import { stripVTControlCharacters } from "node:util";

/** Columns of everything that is printed. */
export const maxWidth = 100;

/** A text without control characters: one from a client could steer the terminal. */
export function clean(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, " ");
}

/** A text of `width` columns at most. */
export function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}

/** Lines of at most `width` columns, broken between words; a longer word is cut into several. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((part) => chop(part, width))) {
    if (line === "") line = word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function chop(word: string, width: number): string[] {
  if (word.length <= width) return [word];
  return [word.slice(0, width), ...chop(word.slice(width), width)];
}

/** Milliseconds in a readable unit. */
export function showDuration(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(1)} ms`;
}

/** The local time of day, to the millisecond. */
export function showTime(time: number): string {
  const date = new Date(time);
  const clock = date.toLocaleTimeString("sv-SE");
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** The local date and time of day. */
export function showDate(time: number): string {
  return `${new Date(time).toLocaleDateString("sv-SE")} ${showTime(time)}`;
}

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/** Puts a text into a colour, or leaves it as it is. */
export type Ansi = (colour: keyof typeof codes, text: string) => string;

/** Colours for a terminal; plain text for pipes, files, and environments that set `NO_COLOR`. */
export function createAnsi(isColoured: boolean): Ansi {
  if (!isColoured) return (_colour, text) => text;
  return (colour, text) => `\x1b[${codes[colour][0]}m${text}\x1b[${codes[colour][1]}m`;
}
