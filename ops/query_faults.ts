import {
  metricCatalogue,
  type MetricDefinition,
  type MetricName,
  prometheusName,
  toLabelName,
} from "@edgepass/shared/telemetry";
import { parser } from "@prometheus-io/lezer-promql";
import { objectives, ranges, recordOf } from "./objectives.ts";

/** The series that rules record. */
const records = new Set(objectives.flatMap((one) => ranges.map((range) => recordOf(one, range))));

/** Every series that a program exports, with the labels it may have. */
const series = new Map(Object.entries(metricCatalogue).flatMap(toSeries));

/** What is wrong with a query, by Prometheus' own grammar, our catalogue and our rules. */
export function findFaults(query: string): string[] {
  // Grafana's variables are no PromQL until Grafana has replaced them.
  const text = query.replace(/\$__(rate_interval|range)/g, "5m").replace(/\$[a-z]+/g, "a|b");
  const { unreadable, names, labels } = read(text);
  const knownLabels = new Set(names.flatMap((name) => [...series.get(name) ?? []]));
  return [
    ...unreadable.map((position) => `cannot be read at ${position}`),
    ...(names.length === 0 ? ["reads nothing"] : []),
    ...names.filter((name) => !series.has(name) && !records.has(name))
      .map((name) => `no metric ${name}`),
    ...labels.filter((name) => !knownLabels.has(name)).map((name) => `no label ${name}`),
  ];
}

function read(text: string): Record<"names" | "labels", string[]> & { unreadable: number[] } {
  const found = { unreadable: [] as number[], names: [] as string[], labels: [] as string[] };
  parser.parse(text).iterate({
    enter({ type, from, to }) {
      if (type.isError) found.unreadable.push(from);
      if (type.name === "Identifier") found.names.push(text.slice(from, to));
      if (type.name === "LabelName") found.labels.push(text.slice(from, to));
    },
  });
  return found;
}

function toSeries(
  [name, { kind, attributes }]: [string, MetricDefinition],
): [string, ReadonlySet<string>][] {
  const labels = [...attributes, "edgepass.service"].map(toLabelName);
  // The keys of the table are its names.
  const base = prometheusName(name as MetricName);
  if (kind !== "histogram") return [[base, new Set(labels)]];
  return [
    [`${base}_bucket`, new Set([...labels, "le"])],
    [`${base}_sum`, new Set(labels)],
    [`${base}_count`, new Set(labels)],
  ];
}
