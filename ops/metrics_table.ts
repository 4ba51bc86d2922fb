import {
  metricCatalogue,
  type MetricDefinition,
  type MetricName,
  prometheusName,
} from "@edgepass/shared/telemetry";
import { replaceSection } from "./generated_section.ts";

const markers = {
  begin: "<!-- metrics: written by deno task ops -->",
  end: "<!-- end of metrics -->",
};

/**
 * A document with the catalogue between its two markers.
 *
 * @throws {RangeError} if it has no markers
 */
export function withMetrics(document: string): string {
  return replaceSection(document, markers, writeTable());
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
