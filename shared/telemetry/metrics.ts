import { mask } from "../log.ts";
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type MetricAttributes,
  metricCatalogue,
  type MetricDefinition,
  type MetricName,
} from "./catalogue.ts";

/** Counts and measures; no call throws, waits, or creates more series than the catalogue allows. */
export interface Metrics {
  /** Adds to a counter, 1 by default. */
  add<Name extends CounterName>(
    name: Name,
    attributes: MetricAttributes<Name>,
    value?: number,
  ): void;
  /** Moves a level up or down. */
  move<Name extends GaugeName>(
    name: Name,
    attributes: MetricAttributes<Name>,
    change: number,
  ): void;
  /** Adds a value to a histogram, in the metric's unit. */
  record<Name extends HistogramName>(
    name: Name,
    attributes: MetricAttributes<Name>,
    value: number,
  ): void;
}

/** One combination of a metric's attributes, with its measurements. */
export interface MetricPoint {
  /** In the catalogue's order, without empty ones. */
  readonly attributes: readonly (readonly [name: string, value: string | number | boolean])[];
  /** Of a counter or gauge. */
  readonly value: number;
  /**
   * Of a histogram: values by bucket, not cumulative, with one bucket more than there are bounds.
   */
  readonly buckets: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** All points of one metric. */
export interface MetricSnapshot {
  readonly name: string;
  readonly definition: MetricDefinition;
  readonly points: readonly MetricPoint[];
}

/** All measurements since `startMs`. */
export interface MetricsSnapshot {
  /** Epoch milliseconds. */
  readonly startMs: number;
  /** Epoch milliseconds. */
  readonly timeMs: number;
  /** Metrics that were measured at least once. */
  readonly metrics: readonly MetricSnapshot[];
}

/** Metrics that can be read. */
export interface MeasuredMetrics extends Metrics {
  /** The measurements so far; valid only until the next measurement. */
  snapshot(): MetricsSnapshot;
}

/** Series of one metric; measurements beyond these go to one further series. */
const maxSeries = 1000;
const maxValueLength = 128;

interface Series {
  readonly attributes: MetricPoint["attributes"];
  value: number;
  readonly buckets: number[];
  sum: number;
  count: number;
}

interface Metric {
  readonly name: string;
  readonly definition: MetricDefinition;
  readonly bounds: readonly number[];
  readonly series: Map<string, Series>;
  overflow: Series | undefined;
}

type Values = Readonly<Record<string, string | number | undefined>>;

/**
 * Holds the metrics of the catalogue in memory.
 *
 * `now` is epoch milliseconds. A value that is not finite, or would make a counter smaller, is
 * ignored.
 */
export function createMetrics({ now }: { readonly now: () => number }): MeasuredMetrics {
  const startMs = now();
  const metrics = new Map(Object.entries(metricCatalogue).map(toMetric));

  function seriesOf(name: MetricName, values: Values): Series | undefined {
    const metric = metrics.get(name);
    if (!metric) return undefined;
    let key = "";
    for (const attribute of metric.definition.attributes) {
      key += `${readValue(attribute, values)}\u0000`;
    }
    return metric.series.get(key) ?? addSeries(metric, key, values);
  }

  return {
    add(name, attributes, value = 1) {
      if (!(value >= 0 && value < Infinity)) return;
      const series = seriesOf(name, attributes);
      if (series) series.value += value;
    },
    move(name, attributes, change) {
      if (!Number.isFinite(change)) return;
      const series = seriesOf(name, attributes);
      if (series) series.value += change;
    },
    record(name, attributes, value) {
      if (!Number.isFinite(value)) return;
      const series = seriesOf(name, attributes);
      if (!series) return;
      const bounds = metrics.get(name)?.bounds ?? [];
      let bucket = 0;
      // Bounds are inclusive, as in OTLP and Prometheus; the last bucket has none, and there is one
      // for each index the loop can end at.
      while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
      series.buckets[bucket]!++;
      series.sum += value;
      series.count++;
    },
    snapshot: () => ({
      startMs,
      timeMs: now(),
      metrics: [...metrics.values()].filter(({ series }) => series.size > 0).map(toSnapshot),
    }),
  };
}

function addSeries(metric: Metric, key: string, values: Values): Series {
  if (metric.series.size >= maxSeries) {
    return metric.overflow ??= newSeries(metric, [["otel.metric.overflow", true]]);
  }
  const attributes = metric.definition.attributes
    .map((name) => [name, readValue(name, values)] as const)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => [name, typeof value === "string" ? mask(value) : value] as const);
  const series = newSeries(metric, attributes);
  metric.series.set(key, series);
  return series;
}

function newSeries({ bounds }: Metric, attributes: MetricPoint["attributes"]): Series {
  return { attributes, value: 0, buckets: Array(bounds.length + 1).fill(0), sum: 0, count: 0 };
}

/**
 * The methods of the semantic conventions; a client may send any text, which would make series
 * unbounded.
 */
const methods = new Set(
  ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"],
);

function readValue(attribute: string, values: Values): string | number {
  const value = values[attribute] ?? "";
  if (typeof value === "number") return value;
  if (attribute === "http.request.method") {
    return value === "" || methods.has(value) ? value : "_OTHER";
  }
  return value.length > maxValueLength ? value.slice(0, maxValueLength) : value;
}

function toMetric([name, definition]: [string, MetricDefinition]): [string, Metric] {
  const bounds = definition.buckets ?? [];
  return [name, { name, definition, bounds, series: new Map(), overflow: undefined }];
}

function toSnapshot({ name, definition, series, overflow }: Metric): MetricSnapshot {
  return { name, definition, points: [...series.values(), ...(overflow ? [overflow] : [])] };
}

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
