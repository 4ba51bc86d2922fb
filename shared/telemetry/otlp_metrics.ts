import type { MetricPoint, MetricSnapshot, MetricsSnapshot } from "./metrics.ts";
import { type Resource, scope, toKeyValues, toNanos, toResource } from "./otlp_value.ts";

/** Every export holds the totals since the program began. */
const cumulative = 2;

/** The body of an OTLP/HTTP metrics export in its JSON mapping. */
export function toOtlpMetrics(snapshot: MetricsSnapshot, resource: Resource): string {
  const times = {
    startTimeUnixNano: toNanos(snapshot.startMs),
    timeUnixNano: toNanos(snapshot.timeMs),
  };
  const metrics = snapshot.metrics.map((metric) => toMetric(metric, times));
  return JSON.stringify({
    resourceMetrics: [{ resource: toResource(resource), scopeMetrics: [{ scope, metrics }] }],
  });
}

type Times = Readonly<Record<"startTimeUnixNano" | "timeUnixNano", string>>;

function toMetric({ name, definition, points }: MetricSnapshot, times: Times): object {
  const { kind, unit, meaning: description, service } = definition;
  const dataPoints = points.map((point) => ({
    attributes: toKeyValues([
      ...(service === undefined ? [] : [["edgepass.service", service] as const]),
      ...point.attributes,
    ]),
    ...times,
    ...(kind === "histogram"
      ? toHistogram(point, definition.buckets ?? [])
      : toNumber(point.value)),
  }));
  const head = { name, description, unit };
  switch (kind) {
    case "counter":
      return {
        ...head,
        sum: { dataPoints, aggregationTemporality: cumulative, isMonotonic: true },
      };
    case "gauge":
      return { ...head, gauge: { dataPoints } };
    case "histogram":
      return { ...head, histogram: { dataPoints, aggregationTemporality: cumulative } };
  }
}

function toNumber(value: number): object {
  return Number.isSafeInteger(value) ? { asInt: String(value) } : { asDouble: value };
}

function toHistogram({ buckets, sum, count }: MetricPoint, explicitBounds: readonly number[]) {
  return { count: String(count), sum, bucketCounts: buckets.map(String), explicitBounds };
}
