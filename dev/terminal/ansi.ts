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
