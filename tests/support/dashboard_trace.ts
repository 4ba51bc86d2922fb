import { makeTrail } from "./dashboard_events.ts";
import type {
  Attributes,
  LogLine,
  RequestDetail,
  RequestRow,
  Span,
} from "../../dev/collector/api.ts";

/** The user who enrols. */
export const learner = "user:01931c2e-8f4a-7c31-9d52-6f0a9f3ac210";

const passport = {
  kid: "passport-2026-11",
  jti: "q1Zx0uW3c8N5tR7yB2mK4w",
  sid: "b4V9sT2pQ6xL1nC8",
};

interface Step {
  /** Its id and its caller's, without leading zeros. */
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  readonly kind?: Span["kind"];
  readonly service: string;
  /** Milliseconds after the request began. */
  readonly at: number;
  readonly durationMs: number;
  readonly attributes?: Attributes;
}

const ofGateway = { service: "gateway", parent: "a1" } as const;
const respondedWith = (status: number) => ({ "http.response.status_code": status });
const accepted = { "edgepass.passport.jti": passport.jti, "edgepass.passport.verdict": "accepted" };
const sqlite = (name: string) => ({ "db.system.name": "sqlite", "db.operation.name": name });

/** An enrollment: the gateway's steps, the service, its call to another service, both databases. */
const steps: readonly Step[] = [
  {
    id: "a1",
    name: "POST /enrollments",
    kind: "server",
    service: "gateway",
    at: 0,
    durationMs: 41.3,
    attributes: {
      "edgepass.service": "gateway",
      "http.request.method": "POST",
      "url.path": "/enrollments",
      "http.route": "/enrollments",
      ...respondedWith(201),
      "user.id": learner,
      "edgepass.issuer": "user",
      "edgepass.rule": "roles:learner",
      "edgepass.credential": "cookie",
      "edgepass.token.kid": "access-2026-11",
      "edgepass.token.jti": "m3F8aZ0kP5vT7rW2yX9cQw",
      "edgepass.token.sid": passport.sid,
    },
  },
  { ...ofGateway, id: "a2", name: "gateway.verify", at: 0.31, durationMs: 0.42 },
  {
    ...ofGateway,
    id: "a3",
    name: "gateway.revocation",
    at: 0.82,
    durationMs: 1.9,
    attributes: {
      "edgepass.revocation.answer": "clear",
      "edgepass.revocation.mode": "strict",
      "db.system.name": "redis",
    },
  },
  {
    ...ofGateway,
    id: "a4",
    name: "gateway.sign",
    at: 2.8,
    durationMs: 0.21,
    attributes: { "edgepass.passport.kid": passport.kid, "edgepass.passport.pv": "0.1.0" },
  },
  {
    ...ofGateway,
    id: "a5",
    name: "POST",
    kind: "client",
    at: 3.1,
    durationMs: 37.2,
    attributes: {
      "edgepass.step": "forward",
      "edgepass.peer": "enrollment",
      ...respondedWith(201),
    },
  },
  {
    id: "b1",
    parent: "a5",
    name: "POST /enrollments",
    kind: "server",
    service: "enrollment",
    at: 4.4,
    durationMs: 35.1,
    attributes: {
      "http.route": "/enrollments",
      ...respondedWith(201),
      ...accepted,
      "user.id": learner,
      "edgepass.call_chain": "gateway,enrollment",
    },
  },
  {
    id: "b2",
    parent: "b1",
    name: "QUERY",
    kind: "client",
    service: "enrollment",
    at: 5.2,
    durationMs: 1.3,
    attributes: sqlite("QUERY"),
  },
  {
    id: "b3",
    parent: "b1",
    name: "GET",
    kind: "client",
    service: "enrollment",
    at: 7.1,
    durationMs: 18.4,
    attributes: { "edgepass.peer": "course", ...respondedWith(200) },
  },
  {
    id: "c1",
    parent: "b3",
    name: "GET /courses/:id",
    kind: "server",
    service: "course",
    at: 8.6,
    durationMs: 15.8,
    attributes: {
      "http.route": "/courses/:id",
      ...respondedWith(200),
      ...accepted,
      "edgepass.call_chain": "gateway,enrollment,course",
    },
  },
  {
    id: "c2",
    parent: "c1",
    name: "QUERY",
    kind: "client",
    service: "course",
    at: 10.2,
    durationMs: 2.7,
    attributes: sqlite("QUERY"),
  },
  {
    id: "b4",
    parent: "b1",
    name: "BATCH",
    kind: "client",
    service: "enrollment",
    at: 27.3,
    durationMs: 9.8,
    attributes: { ...sqlite("BATCH"), "edgepass.db.statements": 3 },
  },
  { ...ofGateway, id: "a6", name: "gateway.envelope", at: 40.5, durationMs: 0.3 },
];

const longId = (id: string) => id.padStart(16, "0");

function toSpan(step: Step, began: number): Span {
  const { id, parent, name, kind = "internal", service, at, durationMs, attributes = {} } = step;
  return {
    spanId: longId(id),
    parentId: parent === undefined ? null : longId(parent),
    name,
    kind,
    service,
    start: began + at,
    durationMs,
    status: "unset",
    attributes,
    events: [],
    links: [],
  };
}

/** The complete trace of an enrollment, with the gateway's `lines` at the end. */
export function makeTrace(request: RequestRow, lines: readonly LogLine[]): RequestDetail {
  const { time, traceId } = request;
  const courseId = "01931c2e-77aa-7b11-8a52-1f0a9f3ac001";
  return {
    request: { ...request, spans: steps.length, logs: lines.length + 2 },
    spans: steps.map((step) => toSpan(step, time)),
    logs: [
      {
        time: time + 24.1,
        level: "warn",
        service: "course",
        traceId,
        spanId: longId("c1"),
        message: "Course has no lessons yet",
        fields: { courseId },
      },
      {
        time: time + 38.9,
        level: "info",
        service: "enrollment",
        traceId,
        spanId: null,
        message: "Enrolled",
        fields: { courseId, sub: learner },
      },
      ...lines,
    ],
    passport: { kid: passport.kid, claims: makeClaims(request) },
    events: [makeTrail(request)],
    verdicts: [
      { service: "enrollment", verdict: "accepted", time: time + 4.4 },
      { service: "course", verdict: "accepted", time: time + 8.6 },
    ],
  };
}

function makeClaims({ time, traceId }: RequestRow): Attributes {
  const iat = Math.floor(time / 1000);
  return {
    iss: "http://127.0.0.1:8787",
    aud: "edgepass.local",
    sub: learner,
    roles: ["learner"],
    scope: "",
    jti: passport.jti,
    txn: traceId,
    iat,
    exp: iat + 30,
    pv: "0.1.0",
    cfg: 0,
    sid: passport.sid,
    uv: 3,
  };
}

/** A request that ended at the gateway's first step. */
export function makeShortTrace(request: RequestRow, lines: readonly LogLine[]): RequestDetail {
  const { time, method, route, status, code, path } = request;
  const root = toSpan({
    id: "a1",
    name: `${method} ${route}`,
    kind: "server",
    service: "gateway",
    at: 0,
    durationMs: request.durationMs ?? 0,
    attributes: {
      "http.request.method": method,
      "http.route": route,
      ...respondedWith(status ?? 0),
      "url.path": path,
      "edgepass.rule": "authenticated",
      "edgepass.credential": "cookie",
      ...(code ? { "error.type": code } : {}),
      ...(status === 401 ? { "edgepass.token.refusal": "expired" } : {}),
    },
  }, time);
  const step = { ...ofGateway, id: "a2", name: "gateway.verify", at: 0.1, durationMs: 0.3 };
  const verify = {
    ...toSpan(step, time),
    status: status === 401 ? "error" as const : "unset" as const,
  };
  return { request, spans: [root, verify], logs: lines, passport: null, verdicts: [], events: [] };
}
