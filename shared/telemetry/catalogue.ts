/** The definition of one metric. */
export interface MetricDefinition {
  /** Counters only grow, gauges follow a level, histograms spread values over buckets. */
  readonly kind: "counter" | "gauge" | "histogram";
  /** UCUM code, as OpenTelemetry requires. */
  readonly unit: string;
  /** Its attributes, each with a bounded set of values, in the order of the series key. */
  readonly attributes: readonly string[];
  /** The one service that measures it, when `edgepass.service` is not among the attributes. */
  readonly service?: string;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
  /** Its description, in one sentence. */
  readonly meaning: string;
}

/**
 * Seconds, as the semantic conventions advise for HTTP, with finer steps for a gateway's latencies.
 */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const counts = [1, 2, 5, 10, 20, 50, 100];
/** Seconds that events wait: usually less than one, hours after an outage. */
const waits = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];

/**
 * Every metric: nothing is measured without a row here, and dashboards, alert rules and
 * docs/observability.md are generated from it.
 */
export const metricCatalogue = {
  "http.server.request.duration": {
    kind: "histogram",
    unit: "s",
    attributes: [
      "edgepass.service",
      "http.request.method",
      "http.route",
      "http.response.status_code",
      "error.type",
    ],
    buckets: durations,
    meaning: "Time until a response begins, by service and route; `gateway` is the whole request.",
  },
  "http.client.request.duration": {
    kind: "histogram",
    unit: "s",
    attributes: ["edgepass.service", "edgepass.peer", "http.request.method", "error.type"],
    buckets: durations,
    meaning:
      "Time until the response of an upstream or another service begins, by caller and callee.",
  },
  "edgepass.gateway.step.duration": {
    kind: "histogram",
    unit: "s",
    service: "gateway",
    attributes: ["edgepass.step"],
    buckets: durations,
    meaning: "Time of one step of the policy: verify, revocation, sign, forward, envelope.",
  },
  "edgepass.gateway.refusals": {
    kind: "counter",
    unit: "{request}",
    service: "gateway",
    attributes: ["http.route", "error.type"],
    meaning: "Requests that the gateway refused or failed itself, by problem code.",
  },
  "edgepass.tokens.refused": {
    kind: "counter",
    unit: "{token}",
    service: "gateway",
    attributes: ["edgepass.issuer", "edgepass.token.refusal"],
    meaning:
      "Access tokens refused, by issuer (its alias, `user` for our own, `unknown`) and reason, also on routes where the caller then counts as anonymous.",
  },
  "edgepass.upstream.active": {
    kind: "gauge",
    unit: "{request}",
    service: "gateway",
    attributes: ["edgepass.peer"],
    meaning: "Calls of this instance that wait for an upstream's response.",
  },
  "edgepass.passports.minted": {
    kind: "counter",
    unit: "{passport}",
    service: "gateway",
    attributes: ["edgepass.passport.policy", "edgepass.passport.subject"],
    meaning: "Passports signed, by policy version and kind of subject: user, client, anon, svc.",
  },
  "edgepass.passports.refused": {
    kind: "counter",
    unit: "{passport}",
    attributes: ["edgepass.service", "edgepass.reason"],
    meaning: "Passports that a service refused, by reason.",
  },
  "edgepass.passports.compared": {
    kind: "counter",
    unit: "{passport}",
    attributes: ["edgepass.service", "edgepass.passport.verdict"],
    meaning:
      "Requests with Passports of both profiles, by the result of the service's comparison: match, mismatch, absent.",
  },
  "edgepass.passports.mismatched": {
    kind: "counter",
    unit: "{passport}",
    attributes: ["edgepass.service", "edgepass.reason"],
    meaning:
      "Passports that did not match the Passport of profile S beside them, by service and reason.",
  },
  "edgepass.revocation.checks": {
    kind: "counter",
    unit: "{check}",
    service: "gateway",
    attributes: ["edgepass.revocation.answer"],
    meaning:
      "Results of the revocation check: clear, revoked, unavailable, fresh (within its bound).",
  },
  "edgepass.redis.round_trip.duration": {
    kind: "histogram",
    unit: "s",
    attributes: ["edgepass.service", "error.type"],
    buckets: durations,
    meaning: "Time of one round trip to Redis; its count is the number of round trips.",
  },
  "edgepass.redis.commands": {
    kind: "counter",
    unit: "{command}",
    attributes: ["edgepass.service"],
    meaning: "Commands sent to Redis; a provider bills these.",
  },
  "edgepass.redis.callers": {
    kind: "histogram",
    unit: "{request}",
    attributes: ["edgepass.service"],
    buckets: counts,
    meaning: "Requests that shared one round trip to Redis.",
  },
  "edgepass.breaker.open": {
    kind: "gauge",
    unit: "{breaker}",
    attributes: ["edgepass.service", "edgepass.peer"],
    meaning: "Circuit breakers that are open or half-open, one of each caller and dependency.",
  },
  "edgepass.breaker.transitions": {
    kind: "counter",
    unit: "{transition}",
    attributes: ["edgepass.service", "edgepass.peer", "edgepass.breaker.state"],
    meaning: "Transitions of a circuit breaker, by its new state: open, half_open, closed.",
  },
  "edgepass.resilience.refusals": {
    kind: "counter",
    unit: "{call}",
    attributes: ["edgepass.service", "edgepass.peer", "edgepass.reason"],
    meaning: "Calls refused before they were sent, by reason: breaker, bulkhead.",
  },
  "edgepass.resilience.retries": {
    kind: "counter",
    unit: "{call}",
    attributes: ["edgepass.service", "edgepass.peer"],
    meaning: "Attempts of a call after the first.",
  },
  "edgepass.fallbacks": {
    kind: "counter",
    unit: "{answer}",
    attributes: ["edgepass.service", "edgepass.fallback.source"],
    meaning:
      "Responses that replaced a live one: cache (the caller's last good response), default.",
  },
  "db.client.operation.duration": {
    kind: "histogram",
    unit: "s",
    attributes: ["edgepass.service", "db.operation.name", "error.type"],
    buckets: durations,
    meaning: "Time of one query or batch of a service's own database.",
  },
  "edgepass.auth.sign_ins": {
    kind: "counter",
    unit: "{sign_in}",
    service: "auth",
    attributes: ["edgepass.outcome"],
    meaning: "Attempts to sign in: ok, or the code of the refusal.",
  },
  "edgepass.auth.refreshes": {
    kind: "counter",
    unit: "{refresh}",
    service: "auth",
    attributes: ["edgepass.outcome"],
    meaning: "Refreshes of a login: ok, or the code of the refusal.",
  },
  "edgepass.auth.revocations": {
    kind: "counter",
    unit: "{revocation}",
    service: "auth",
    attributes: ["edgepass.revocation.kind"],
    meaning: "Revocations written, by what is revoked: login, subject, key, token.",
  },
  "edgepass.events.outbox.waiting": {
    kind: "gauge",
    unit: "{event}",
    attributes: ["edgepass.service"],
    meaning:
      "Unpublished events in the outbox, parked ones too, at this instance's last maintenance.",
  },
  "edgepass.events.outbox.age": {
    kind: "histogram",
    unit: "s",
    attributes: ["edgepass.service", "edgepass.event.type"],
    buckets: waits,
    meaning: "Time from the change to its publication.",
  },
  "edgepass.events.published": {
    kind: "counter",
    unit: "{event}",
    attributes: ["edgepass.service", "edgepass.event.type", "edgepass.outcome"],
    meaning: "Attempts to publish an event: published, failed (is retried), parked (refused).",
  },
  "edgepass.events.deliveries": {
    kind: "counter",
    unit: "{delivery}",
    attributes: ["edgepass.service", "edgepass.event.type", "edgepass.outcome"],
    meaning:
      "Deliveries to a consumer: applied, duplicate, stale, poison, busy, failed, refused (forged).",
  },
  "edgepass.events.retries": {
    kind: "counter",
    unit: "{delivery}",
    attributes: ["edgepass.service", "edgepass.event.type"],
    meaning: "Deliveries after the first attempt, as QStash reports it.",
  },
  "edgepass.events.lag": {
    kind: "histogram",
    unit: "s",
    attributes: ["edgepass.service", "edgepass.event.type"],
    buckets: waits,
    meaning: "Time from the change to its effect in a consumer.",
  },
  "edgepass.events.dead_letters": {
    kind: "counter",
    unit: "{event}",
    attributes: ["edgepass.service"],
    meaning: "Deliveries that QStash gave up, by the consumer that did not accept them.",
  },
  "edgepass.configuration.fetches": {
    kind: "counter",
    unit: "{fetch}",
    attributes: ["edgepass.service", "edgepass.outcome"],
    meaning:
      "Reads of the central configuration: adopted, refused (invalid), missing, unavailable.",
  },
  "edgepass.telemetry.dropped": {
    kind: "counter",
    unit: "{item}",
    service: "telemetry",
    attributes: ["edgepass.signal"],
    meaning:
      "Spans and log lines that were not exported: the queue was full, or the collector refused them.",
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** Names of the catalogue. */
export type MetricName = keyof typeof metricCatalogue;

/** Metrics of one kind. */
export type NamesOf<Kind extends MetricDefinition["kind"]> = {
  [Name in MetricName]: (typeof metricCatalogue)[Name]["kind"] extends Kind ? Name : never;
}[MetricName];

/** Metrics that only grow. */
export type CounterName = NamesOf<"counter">;
/** Metrics that follow a level. */
export type GaugeName = NamesOf<"gauge">;
/** Metrics that spread values over buckets. */
export type HistogramName = NamesOf<"histogram">;

/** The attributes of a metric; an omitted one is the empty text, which means none. */
export type MetricAttributes<Name extends MetricName> = {
  readonly [Key in (typeof metricCatalogue)[Name]["attributes"][number]]?:
    | string
    | number
    | undefined;
};
