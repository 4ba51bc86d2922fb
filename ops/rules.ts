import { stringify } from "yaml";
import { burns, type Objective, objectives, type Range, ranges, recordOf } from "./objectives.ts";
import { increase, level, quantile, type Query, rate } from "./promql.ts";

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
  /** The threshold of the alert; by default zero. */
  readonly above?: number;
  /** How long it has to last; by default it fires at once. */
  readonly for?: string;
  readonly summary: string;
  readonly description: string;
}

/** Scheduled maintenance publishes within a minute what a relay left. */
const lateSeconds = 120;

/** The value of an alert's expression, in Prometheus' template language. */
const value = '{{ $value | printf "%.2f" }}';

/** Causes that explain a burning budget, or that clients would not notice for a while. */
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
    alert: "EdgepassBreakerOpen",
    query: level("edgepass.breaker.open", { by: ["edgepass.service", "edgepass.peer"] }),
    for: "2m",
    summary: "{{ $labels.edgepass_service }} does without {{ $labels.edgepass_peer }}",
    description:
      `${value} of its instances have had their breaker open. The dependency fails or is ` +
      "too slow; docs/resilience.md says what people see meanwhile.",
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
      "the gateway's, or a caller reaches the service without the gateway.",
  },
  {
    alert: "EdgepassEventsWait",
    query: level("edgepass.events.outbox.waiting", { by: ["edgepass.service"] }),
    for: "10m",
    summary: "{{ $labels.edgepass_service }} has events that are not published",
    description: "For 10 minutes its outbox was never empty. Either QStash is away or its limits " +
      "are used up, or events are parked: GET /admin/events/<service>/outbox has how many and " +
      "since when. None is lost.",
  },
  {
    alert: "EdgepassEventsLate",
    query: quantile(0.95, "edgepass.events.outbox.age", { by: ["edgepass.service"], range: "15m" }),
    above: lateSeconds,
    for: "5m",
    summary: "{{ $labels.edgepass_service }} publishes events late",
    description: `Of 100 events 5 waited longer than ${value} seconds in the outbox. Relays that ` +
      "were stopped leave events to maintenance, so either maintenance alone publishes, or more " +
      "is published than QStash accepts.",
  },
  {
    alert: "EdgepassEventsRefused",
    query: rate("edgepass.events.deliveries", {
      where: { "edgepass.outcome": "refused" },
      by: ["edgepass.service"],
      range: "5m",
    }),
    for: "5m",
    summary: "{{ $labels.edgepass_service }} refuses deliveries of events",
    description: `${value} in a second. Either QStash's signing keys were rolled twice, or ` +
      "a caller forges: `deno task events:setup` finds which. Nothing genuine is lost meanwhile.",
  },
  {
    alert: "EdgepassEventsParked",
    query: increase("edgepass.events.published", {
      where: { "edgepass.outcome": "parked" },
      by: ["edgepass.service"],
      range: "15m",
    }),
    summary: "{{ $labels.edgepass_service }} has events that QStash does not take",
    description: `${value} within 15 minutes. GET /admin/events/<service>/outbox has the reason; ` +
      "once that is fixed, POST /admin/events/<service>/outbox/unpark publishes them.",
  },
  {
    alert: "EdgepassDeadLetters",
    query: increase("edgepass.events.dead_letters", { by: ["edgepass.service"], range: "15m" }),
    summary: "{{ $labels.edgepass_service }} has not received some events",
    description:
      `${value} within 15 minutes. \`deno task dlq list\` lists which and why; what is ` +
      "no poison is retried without you.",
  },
  {
    alert: "EdgepassTelemetryDropped",
    query: increase("edgepass.telemetry.dropped", { by: ["edgepass.signal"], range: "15m" }),
    summary: "Telemetry is lost: {{ $labels.edgepass_signal }}",
    description: `${value} within 15 minutes. Is the collector there, does it take what it gets, ` +
      "is OTEL_BSP_MAX_QUEUE_SIZE enough?",
  },
];

function toAlert({ query, above = 0, summary, description, ...head }: Cause): object {
  return {
    ...head,
    expr: `${query.expr} > ${above}`,
    labels: { severity: "ticket" },
    annotations: { summary, description },
  };
}
