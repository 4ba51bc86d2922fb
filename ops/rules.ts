import { stringify } from "yaml";
import { burns, type Objective, objectives, type Range, ranges, recordOf } from "./objectives.ts";
import { increase, type Query, rate } from "./promql.ts";

const budgetDays = 30;

const head =
  "# Written by `deno task ops` from ops/rules.ts and the catalogue of metrics: edit those.\n\n";

/** Recording and alerting rules, as Prometheus reads them; a group is evaluated from top to bottom. */
export function writeRules(): string {
  const groups = [
    ...objectives.map((objective) => ({
      name: `edgepass_${objective.name}`,
      rules: [...toRecords(objective), ...toBurnAlerts(objective)],
    })),
    { name: "edgepass_causes", rules: causes.map(toAlert) },
  ];
  return head + stringify({ groups }, { lineWidth: 0 });
}

function toRecords(objective: Objective): object[] {
  return ranges.map((range) => ({
    record: recordOf(objective, range),
    expr: objective.missed(range).expr,
  }));
}

function toBurnAlerts(objective: Objective): object[] {
  const { name, alert, budget, fallsShort } = objective;
  return burns.map(({ factor, long, short, severity }) => {
    const isOver = (range: Range) => `${recordOf(objective, range)} > ${factor} * ${budget}`;
    return {
      alert,
      expr: `${isOver(long)} and ${isOver(short)}`,
      labels: { severity, objective: name, window: long },
      annotations: {
        summary: `The gateway's budget of ${name} burns at a rate of ${factor}`,
        description: [
          `{{ $value | humanizePercentage }} of requests ${fallsShort} within ${long}; on average`,
          `${budget * 100} % may. A budget of ${budgetDays} days is spent in`,
          `${Math.round(budgetDays / factor * 10) / 10} at this rate.`,
        ].join(" "),
      },
    };
  });
}

interface Cause {
  readonly alert: string;
  readonly query: Query;
  /** How long it has to last; by default it need not. */
  readonly for?: string;
  readonly summary: string;
  readonly description: string;
}

/** What an alert's expression came to, in the words of Prometheus' templates. */
const value = '{{ $value | printf "%.2f" }}';

/** What explains a burning budget, or would go unnoticed by people for a while. */
const causes: readonly Cause[] = [
  {
    alert: "EdgepassRevocationUnavailable",
    query: rate("edgepass.revocation.checks", {
      where: { "edgepass.revocation.answer": "unavailable" },
      range: "5m",
    }),
    for: "2m",
    summary: "The gateway cannot ask the revocation list",
    description:
      `Protected routes answer 503 revocation_unavailable, ${value} checks in a second. ` +
      "Look at Redis, and whether its list says that it is complete.",
  },
  {
    alert: "EdgepassPassportsRefused",
    query: rate("edgepass.passports.refused", {
      by: ["edgepass.service", "edgepass.reason"],
      range: "5m",
    }),
    for: "5m",
    summary: "{{ $labels.edgepass_service }} refuses Passports: {{ $labels.edgepass_reason }}",
    description: `${value} in a second. Either keys, issuer, trust domain or clock differ from ` +
      "the gateway's, or somebody reaches the service without the gateway.",
  },
  {
    alert: "EdgepassTelemetryDropped",
    query: increase("edgepass.telemetry.dropped", { by: ["edgepass.signal"], range: "15m" }),
    summary: "Telemetry is lost: {{ $labels.edgepass_signal }}",
    description: `${value} within 15 minutes. Is the collector there, does it take what it gets, ` +
      "is OTEL_BSP_MAX_QUEUE_SIZE enough?",
  },
];

function toAlert({ query, summary, description, ...head }: Cause): object {
  return {
    ...head,
    expr: `${query.expr} > 0`,
    labels: { severity: "ticket" },
    annotations: { summary, description },
  };
}
