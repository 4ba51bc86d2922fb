import { replaceSection } from "../../ops/generated_section.ts";
import { type Figure, method } from "./figures.ts";

/** The document that has the figures. */
export const figuresDocument = "ARCHITECTURE.md";

const markers = {
  begin: "<!-- figures: written by deno task measure --write -->",
  end: "<!-- end of figures -->",
};
const head: Figure = { name: "figure", before: "0.1.0", now: "now", aim: "aim" };

/** The figures as a table for a terminal, with how they are counted. */
export function toText(figures: readonly Figure[]): string {
  const all = [head, ...figures];
  const width = (column: keyof Figure) => Math.max(...all.map((row) => row[column].length));
  const table = all.map(({ name, before, now, aim }) =>
    [
      name.padEnd(width("name")),
      before.padEnd(width("before")),
      now.padEnd(width("now")),
      aim,
    ].join("  ").trimEnd()
  );
  return [...table, "", ...method].join("\n");
}

/**
 * A document with the figures between its two markers.
 *
 * @throws {RangeError} if it does not have each marker once
 */
export function withFigures(document: string, figures: readonly Figure[]): string {
  const rows = figures.map(({ name, before, now, aim }) =>
    `| ${name} | ${before} | ${now} | ${aim} |`
  );
  const table = ["| figure | 0.1.0 | now | aim |", "| -- | -- | -- | -- |", ...rows].join("\n");
  return replaceSection(document, markers, table);
}

/** The names of the figures that a document has between its markers. */
export function documentedFigures(document: string): string[] {
  const [, section = ""] = document.split(markers.begin);
  const [table = ""] = section.split(markers.end);
  return Array.from(table.matchAll(/^\| (.+?) +\|/gm), ([, name = ""]) => name)
    .filter((name) => name !== head.name && !/^-+$/.test(name));
}
