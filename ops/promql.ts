import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  metricCatalogue,
  type MetricDefinition,
  type MetricName,
  prometheusName,
  toLabelName,
} from "@edgepass/shared/telemetry";

/** A PromQL query, with what a panel needs to show its result. */
export interface Query {
  readonly expr: string;
  /** Whether it needs parentheses beside an operator. */
  readonly isCompound?: boolean;
  readonly unit: Unit;
  /** Labels that its series differ by. */
  readonly labels: readonly string[];
  /** What it reads. */
  readonly metrics: readonly MetricName[];
}

/** Units by Grafana's names. */
export type Unit = "s" | "reqps" | "cps" | "short" | "percentunit";

/** The attributes that distinguish the series of a metric; every metric has the service's. */
export type AttributeOf<Name extends MetricName> =
  | (typeof metricCatalogue)[Name]["attributes"][number]
  | "edgepass.service";

/** Conditions: an equal value, or another comparison with one. */
export type Where<Name extends MetricName> = {
  readonly [Attribute in AttributeOf<Name>]?:
    | string
    | readonly [operator: "!=" | "=~" | "!~", value: string];
};

/** Which series of a metric are selected, and how they are aggregated. */
export interface Cut<Name extends MetricName> {
  readonly where?: Where<Name>;
  readonly by?: readonly AttributeOf<Name>[];
  /** The range of a rate; by default the one that Grafana chooses for the panel. */
  readonly range?: string;
}

/** Events per second: of a counter, or of the measurements of a histogram. */
export function rate<Name extends CounterName | HistogramName>(
  name: Name,
  cut: Cut<Name> = {},
): Query {
  const suffix = definitionOf(name).kind === "histogram" ? "_count" : "";
  const series = `rate(${select(name, suffix, cut)}${rangeOf(cut)})`;
  return { ...sum(name, series, cut), unit: isOfRequests(name) ? "reqps" : "cps" };
}

/** Events within the range. */
export function increase<Name extends CounterName>(name: Name, cut: Cut<Name> = {}): Query {
  return sum(name, `increase(${select(name, "", cut)}${rangeOf(cut)})`, cut);
}

/** The level of a gauge, over all instances. */
export function level<Name extends GaugeName>(name: Name, cut: Cut<Name> = {}): Query {
  return sum(name, select(name, "", cut), cut);
}

/** The value of a histogram that this share of all values does not exceed. */
export function quantile<Name extends HistogramName>(
  share: number,
  name: Name,
  cut: Cut<Name> = {},
): Query {
  const buckets = `rate(${select(name, "_bucket", cut)}${rangeOf(cut)})`;
  const { expr, ...rest } = sum(name, buckets, cut, ["le"]);
  return { ...rest, expr: `histogram_quantile(${share}, ${expr})`, unit: unitOf(name) };
}

/** The mean of a histogram's values. */
export function mean<Name extends HistogramName>(name: Name, cut: Cut<Name> = {}): Query {
  const values = sum(name, `rate(${select(name, "_sum", cut)}${rangeOf(cut)})`, cut);
  return { ...ratio(values, rate(name, cut)), unit: unitOf(name) };
}

/**
 * The share of a histogram's values that do not exceed a bound.
 *
 * @throws {RangeError} for a bound that no bucket has: Prometheus would return nothing
 */
export function shareUpTo<Name extends HistogramName>(
  bound: number,
  name: Name,
  cut: Cut<Name> = {},
): Query {
  if (!definitionOf(name).buckets?.includes(bound)) {
    throw new RangeError(`Cannot query ${name} for values up to ${bound}: it has no such bucket`);
  }
  const bucket = select(name, "_bucket", cut, [`le="${bound}"`]);
  return ratio(sum(name, `rate(${bucket}${rangeOf(cut)})`, cut), rate(name, cut));
}

/** One divided by the other; both must be selected alike. */
export function ratio(part: Query, total: Query): Query {
  return {
    expr: `${operand(part)} / ${operand(total)}`,
    isCompound: true,
    unit: part.unit === total.unit ? "percentunit" : "short",
    labels: part.labels,
    metrics: [...new Set([...part.metrics, ...total.metrics])],
  };
}

/**
 * Zero where there is a total and nothing yet of the part: a counter begins with its first event.
 */
export function orZero(part: Query, total: Query): Query {
  const expr = `${operand(part)} or 0 * ${operand(total)}`;
  return { ...part, expr, isCompound: true };
}

/** One minus a share. */
export function rest(share: Query): Query {
  return { ...share, expr: `1 - ${operand(share)}`, isCompound: true };
}

/** The values of a metric's label, as a variable of a dashboard queries them. */
export function valuesOf<Name extends CounterName | HistogramName>(
  attribute: AttributeOf<Name>,
  name: Name,
  where: Where<Name> = {},
): string {
  const suffix = definitionOf(name).kind === "histogram" ? "_count" : "";
  return `label_values(${select(name, suffix, { where })}, ${toLabelName(attribute)})`;
}

function sum<Name extends MetricName>(
  name: Name,
  series: string,
  { by = [] }: Cut<Name>,
  alsoBy: readonly string[] = [],
): Query {
  const labels = by.map(toLabelName);
  const all = [...alsoBy, ...labels];
  const grouping = all.length === 0 ? "" : ` by (${all.join(", ")}) `;
  return { expr: `sum${grouping}(${series})`, unit: "short", labels, metrics: [name] };
}

function operand({ expr, isCompound = false }: Query): string {
  return isCompound ? `(${expr})` : expr;
}

function select<Name extends MetricName>(
  name: Name,
  suffix: string,
  { where = {} }: Cut<Name>,
  also: readonly string[] = [],
): string {
  const conditions = Object.entries<string | readonly [string, string] | undefined>(where);
  const matchers = conditions.flatMap(([attribute, condition]) => {
    if (condition === undefined) return [];
    const [operator, value] = typeof condition === "string" ? ["=", condition] : condition;
    return [`${toLabelName(attribute)}${operator}${JSON.stringify(value)}`];
  });
  const all = [...matchers, ...also];
  return `${prometheusName(name)}${suffix}${all.length === 0 ? "" : `{${all.join(", ")}}`}`;
}

function rangeOf({ range = "$__rate_interval" }: { readonly range?: string }): string {
  return `[${range}]`;
}

function definitionOf(name: MetricName): MetricDefinition {
  return metricCatalogue[name];
}

function isOfRequests(name: MetricName): boolean {
  return name.startsWith("http.") || definitionOf(name).unit === "{request}";
}

function unitOf(name: MetricName): Unit {
  return definitionOf(name).unit === "s" ? "s" : "short";
}
