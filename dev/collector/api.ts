/**
 * Shapes of the dashboard's API. Times are epoch milliseconds and durations milliseconds, both with
 * fractions; what is unknown is null.
 */

/** A value of an attribute, as JSON has it. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [name: string]: AttributeValue };
export type Attributes = Readonly<Record<string, AttributeValue>>;

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** One step of a trace. */
export interface Span {
  readonly spanId: string;
  readonly parentId: string | null;
  readonly name: string;
  readonly kind: SpanKind;
  readonly service: string;
  readonly start: number;
  readonly durationMs: number;
  readonly status: "ok" | "error" | "unset";
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
}

export interface SpanEvent {
  readonly name: string;
  readonly time: number;
  readonly attributes: Attributes;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
}

/** One log line; `fields` is everything but the members every line has. */
export interface LogLine {
  readonly time: number;
  readonly level: string;
  readonly service: string;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A stored log line; later lines have greater ids. */
export interface StoredLogLine extends LogLine {
  readonly id: number;
  /** Of a request that the dashboard itself sent. */
  readonly isOwn?: true;
}

/** One request to the gateway, as its span or its log line has it. */
export interface RequestSummary {
  readonly time: number;
  readonly method: string;
  readonly path: string | null;
  readonly route: string | null;
  readonly status: number | null;
  readonly code: string | null;
  readonly durationMs: number | null;
  readonly sub: string | null;
  readonly issuer: string | null;
}

/** What the list of requests shows of one; of several in one trace it is the last. */
export interface RequestRow extends RequestSummary {
  readonly traceId: string;
  /** Every service that the trace has touched. */
  readonly services: readonly string[];
  readonly spans: number;
  readonly logs: number;
  readonly errorLogs: number;
  /** The dashboard itself sent it. */
  readonly isOwn?: true;
}

/** A page of a list, newest first; `next` is the cursor of the following one. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** Everything that is stored of one trace. */
export interface RequestDetail {
  /** Null for a trace that did not pass the gateway. */
  readonly request: RequestRow | null;
  readonly spans: readonly Span[];
  readonly logs: readonly LogLine[];
  /** The Passport that was sent; never its signature, which no program records. */
  readonly passport: { readonly kid: string; readonly claims: Attributes } | null;
  /** How each service that was called judged the Passport. */
  readonly verdicts: readonly Verdict[];
  /** The events it caused, the earliest first. */
  readonly events: readonly EventTrail[];
}

export interface Verdict {
  readonly service: string;
  readonly verdict: string;
  readonly time: number;
}

/** The state of an event: `published` where what happens after that is not visible here. */
export type EventState =
  | "waiting"
  | "parked"
  | "published"
  | "under way"
  | "retrying"
  | "done"
  | "dead";

/** One event on its way from its outbox to all its consumers. */
export interface EventTrail {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  /** The service that publishes it. */
  readonly source: string;
  readonly traceId: string;
  readonly state: EventState;
  readonly storedAt: number;
  readonly publishedAt: number | null;
  /** How often a publication was attempted. */
  readonly publishAttempts: number;
  /** When the relays of its outbox try again. */
  readonly nextPublishAt: number | null;
  /** Why it waits for an operator. */
  readonly parked: string | null;
  readonly deliveries: readonly EventDelivery[];
}

/** An event on its way to one consumer; a replay continues the same delivery. */
export interface EventDelivery {
  readonly consumer: string;
  readonly state: "under way" | "retrying" | "delivered" | "dead" | "cancelled";
  readonly attempts: readonly DeliveryAttempt[];
  /** When it is tried again. */
  readonly nextAt: number | null;
}

export interface DeliveryAttempt {
  readonly time: number;
  /** Null where no response came. */
  readonly status: number | null;
  /** The consumer's result: applied, duplicate, stale, poison, busy, or a problem's code. */
  readonly outcome: string | null;
}

/** An event that the local QStash gave up. */
export interface DeadEvent {
  readonly id: string;
  readonly consumer: string;
  readonly eventId: string | null;
  readonly type: string | null;
  readonly subject: string | null;
  readonly traceId: string | null;
  readonly failedAt: number | null;
  readonly status: number | null;
  /** The consumer has reported that no repetition will help. */
  readonly poison: boolean;
}

/** A dead letter with its request and its last response. */
export interface CompleteDeadEvent extends DeadEvent {
  readonly event: string;
  readonly answer: string;
}

/** What waits in the outbox of a service. */
export interface OutboxLevel {
  readonly service: string;
  readonly waiting: number;
  readonly parked: number;
  /** When the oldest pending event was stored. */
  readonly oldest: number | null;
}

export interface Events {
  /** Of services whose database is in a file of this machine. */
  readonly outboxes: readonly OutboxLevel[];
  /** The newest first. */
  readonly events: readonly EventTrail[];
  /** Null where QStash is elsewhere, or does not list them. */
  readonly deadLetters: readonly DeadEvent[] | null;
  /** Why the local QStash does not list its dead letters; empty where it does. */
  readonly trouble: string;
}

/** The result of a replay. */
export interface Replayed {
  readonly replayed: number;
  /** Poison, which stays a dead letter. */
  readonly poison: number;
}

export type NodeKind = "client" | "gateway" | "service" | "redis" | "database";

/** Traffic of a window of time; the durations are 0 where there was none. */
export interface Traffic {
  readonly requests: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface MapNode extends Traffic {
  readonly name: string;
  readonly kind: NodeKind;
}

export interface MapEdge extends Traffic {
  readonly from: string;
  readonly to: string;
}

export interface ServiceMap {
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
}

export type PartState = "ready" | "not ready" | "down" | "starting";

/** One part of the system and its state. */
export interface Part {
  readonly name: string;
  readonly kind: "process" | "http" | "redis" | "database";
  readonly state: PartState;
  /** Why it is not ready, or another remark; empty where there is none. */
  readonly reason: string;
  /** Since when it has been in this state. */
  readonly since: number;
  /** No check ran for a while before `since`: the state may have begun at any time after this. */
  readonly notBefore?: number;
  readonly pid?: number;
  readonly port?: number;
}

/** A request that was being served when its process ended. */
export interface InFlightRequest {
  /** Null where the process could not have it yet. */
  readonly traceId: string | null;
  readonly method: string;
  readonly path: string;
  readonly sinceMs: number;
}

/** How a process ended. */
export interface Exit {
  readonly name: string;
  readonly time: number;
  /** Null where no process observed the exit. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly lastLines: readonly string[];
  readonly inFlight: readonly InFlightRequest[];
  readonly isExpected: boolean;
}

export interface Health {
  readonly parts: readonly Part[];
  readonly exits: readonly Exit[];
}

export interface State {
  readonly mode: string;
  readonly startedAt: number;
  readonly gateway: { readonly origin: string };
  readonly now: number;
  readonly counts: { readonly requests: number; readonly logs: number };
}
