import { readArguments } from "@edgepass/shared/runtime/deno";
import { replaceSection } from "../ops/generated_section.ts";
import { readProjectFile } from "./support/markdown.ts";
import { type Column, columns, type Provider } from "./support/provider.ts";
import { providers } from "./support/providers.ts";
import { writeFormatted } from "./support/write_formatted.ts";

/** The page with a row for each provider. */
export const providersDocument = "docs/identity-providers.md";

/** The section of a provider, from its heading to the next one. */
export function readSection(document: string, { title }: Provider): string {
  const [, rest] = document.split(`\n## ${title}\n`);
  if (rest === undefined) throw new RangeError(`${providersDocument} has no section ${title}`);
  return rest.split("\n## ")[0] ?? "";
}

/** A provider's row of `ISSUERS`, as a reader of the page copies it. */
export function readRow(document: string, provider: Provider): Record<string, unknown> {
  const [, row] = /^```json\n(.*?)^```$/ms.exec(readSection(document, provider)) ?? [];
  if (row === undefined) throw new RangeError(`${provider.title} has no row`);
  return JSON.parse(row);
}

function markersOf(name: string) {
  return {
    begin: `<!-- ${name}: written by deno task docs:providers -->`,
    end: `<!-- end of ${name} -->`,
  };
}

/** The page with its tables: what a test asks the gateway, and no other. */
export function withTables(document: string): string {
  const names: readonly Column[] = Object.keys(columns).filter(isColumn);
  const rows = providers.map(({ title, shapes }) =>
    [title, ...names.map((name) => toCell(shapes[name]?.outcome))].join(" | ")
  );
  const table = [
    ["provider", ...names.map((name) => columns[name])].join(" | "),
    ["--", ...names.map(() => "--")].join(" | "),
    ...rows,
  ];
  const further = providers.flatMap(({ title, further = {} }) =>
    Object.entries(further).map(([what, { outcome }]) => `${title} | ${what} | ${toCell(outcome)}`)
  );
  const second = ["provider | a token | outcome", "-- | -- | --", ...further];
  const third = ["provider | 0.1.0 (default) | 0.1.1", "-- | -- | --", ...machineRows()];
  const tables = { tokens: table, further: second, machines: third };
  return Object.entries(tables).reduce((page, [name, lines]) => {
    const text = lines.map((line) => `| ${line} |`).join("\n");
    return replaceSection(page, markersOf(name), text);
  }, document);
}

function machineRows(): string[] {
  return providers.flatMap(({ title, shapes: { machine } }) =>
    machine?.sub === undefined
      ? []
      : [`${title} | ${toCell(machine.under010 ?? machine.sub)} | ${toCell(machine.sub)}`]
  );
}

function isColumn(name: string): name is Column {
  return name in columns;
}

function toCell(outcome: string | undefined): string {
  if (outcome === undefined) return "—";
  return outcome === "accepted" ? "accepted" : `\`${outcome}\``;
}

if (import.meta.main) {
  readArguments({
    usage: "Usage: deno task docs:providers\n\nWrites the tables of docs/identity-providers.md.",
    maxWords: 0,
  });
  await writeFormatted(providersDocument, withTables(await readProjectFile(providersDocument)));
}
