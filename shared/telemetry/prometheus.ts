import { metricCatalogue, type MetricDefinition, type MetricName } from "./catalogue.ts";
import type { MetricPoint, MetricSnapshot, MetricsSnapshot } from "./metrics.ts";

/** The media type of {@link toPrometheus}. */
export const prometheusMediaType = "text/plain; version=0.0.4; charset=utf-8";

/**
 * The name of a metric in Prometheus: dots become underscores, seconds and `_total` are added.
 *
 * A histogram's samples are this name with `_bucket`, `_sum` and `_count`.
 */
export function prometheusName(name: MetricName): string {
  return toName(name, metricCatalogue[name]);
}

function toName(name: string, { kind, unit }: MetricDefinition): string {
  const seconds = unit === "s" ? "_seconds" : "";
  return `${toLabelName(name)}${seconds}${kind === "counter" ? "_total" : ""}`;
}

/** The label of an attribute in Prometheus. */
export function toLabelName(attribute: string): string {
  return attribute.replaceAll(/[^a-zA-Z0-9_]/g, "_");
}

/** Metrics in Prometheus' text exposition format 0.0.4. */
export function toPrometheus({ metrics }: MetricsSnapshot): string {
  return metrics.map(toFamily).join("");
}

function toFamily({ name, definition, points }: MetricSnapshot): string {
  const family = toName(name, definition);
  const help = definition.meaning.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const lines = points.flatMap((point) => toSamples(family, definition, point));
  return [`# HELP ${family} ${help}`, `# TYPE ${family} ${definition.kind}`, ...lines, ""].join(
    "\n",
  );
}

function toSamples(family: string, definition: MetricDefinition, point: MetricPoint): string[] {
  const service = definition.service === undefined
    ? []
    : [label("edgepass.service", definition.service)];
  const labels = [...service, ...point.attributes.map(([name, value]) => label(name, value))];
  if (definition.kind !== "histogram") return [sample(family, labels, point.value)];
  const bounds = [...definition.buckets ?? [], Infinity];
  let upTo = 0;
  return [
    ...bounds.map((bound, index) => {
      upTo += point.buckets[index] ?? 0;
      return sample(`${family}_bucket`, [...labels, label("le", toNumber(bound))], upTo);
    }),
    sample(`${family}_sum`, labels, point.sum),
    sample(`${family}_count`, labels, point.count),
  ];
}

function sample(name: string, labels: readonly string[], value: number): string {
  return `${name}${labels.length === 0 ? "" : `{${labels.join(",")}}`} ${toNumber(value)}`;
}

function label(name: string, value: string | number | boolean): string {
  const escaped = String(value)
    .replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `${toLabelName(name)}="${escaped}"`;
}

function toNumber(value: number): string {
  return value === Infinity ? "+Inf" : String(value);
}
