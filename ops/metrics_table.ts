import {
  metricCatalogue,
  type MetricDefinition,
  type MetricName,
  prometheusName,
} from "@edgepass/shared/telemetry";

const begin = "<!-- metrics: written by deno task ops -->";
const end = "<!-- end of metrics -->";

/**
 * A document with the catalogue between its two marks.
 *
 * @throws {RangeError} if it has no marks
 */
export function withMetrics(document: string): string {
  const [before, rest] = splitOnce(document, begin);
  const [, after] = splitOnce(rest, end);
  return `${before}${begin}\n\n${writeTable()}\n\n${end}${after}`;
}

function splitOnce(text: string, mark: string): [string, string] {
  const [before = "", after, ...more] = text.split(mark);
  if (after === undefined || more.length > 0) {
    throw new RangeError(`Cannot write the catalogue: the document does not have ${mark} once`);
  }
  return [before, after];
}

function writeTable(): string {
  const rows = Object.entries(metricCatalogue).map(([name, definition]) =>
    // The keys of the table are its names.
    toRow(name as MetricName, definition)
  );
  return align([["metric", "in Prometheus", "kind", "unit", "attributes", "meaning"], ...rows]);
}

function toRow(name: MetricName, definition: MetricDefinition): string[] {
  const { kind, unit, attributes, service, meaning } = definition;
  const ofService = service === undefined ? [] : [`\`edgepass.service\` is ${service}`];
  return [
    `\`${name}\``,
    prometheusName(name),
    kind,
    unit,
    [...ofService, ...attributes.map((attribute) => `\`${attribute}\``)].join(", "),
    meaning,
  ];
}

/** As `deno fmt` aligns tables. */
function align(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const toLine = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [head, widths.map((width) => "-".repeat(width)), ...body].map(toLine).join("\n");
}
