/** A span for a collector; missing members are generated. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  /** OTLP's number: 1 internal, 2 server, 3 client. */
  readonly kind?: number;
  /** Epoch milliseconds. */
  readonly start: number;
  readonly durationMs?: number;
  readonly service: string;
  readonly attributes?: Readonly<Record<string, string | number | readonly string[]>>;
  readonly isError?: boolean;
}

/** The body of an OTLP/HTTP trace export in JSON, as exporters of any language write it. */
export function toTraceBody(spans: readonly SentSpan[]): string {
  return JSON.stringify({
    resourceSpans: [{
      resource: { attributes: [toAttribute(["service.name", "edgepass"])] },
      scopeSpans: [{ scope: { name: "test" }, spans: spans.map(toSpan) }],
    }],
  });
}

function toSpan(span: SentSpan) {
  const { traceId, spanId, parentSpanId, name = "work", kind = 1, start, durationMs = 1 } = span;
  const attributes = { "edgepass.service": span.service, ...span.attributes };
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    flags: 1,
    name,
    kind,
    startTimeUnixNano: toNanos(start),
    endTimeUnixNano: toNanos(start + durationMs),
    attributes: Object.entries(attributes).map(toAttribute),
    ...(span.isError ? { status: { code: 2 } } : {}),
  };
}

function toAttribute([key, value]: [string, string | number | readonly string[]]) {
  if (typeof value === "string") return { key, value: { stringValue: value } };
  if (typeof value === "number") return { key, value: { intValue: String(value) } };
  return { key, value: { arrayValue: { values: value.map((one) => ({ stringValue: one })) } } };
}

function toNanos(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

/** A trace id from a number. */
export function traceIdOf(number: number): string {
  return number.toString(16).padStart(32, "a");
}

function spanIdOf(number: number): string {
  return number.toString(16).padStart(16, "b");
}

/** An accepted request: gateway, four steps, the service `user` and its database. */
export function acceptedTrace(
  { traceId, start, durationMs = 10 }: {
    readonly traceId: string;
    readonly start: number;
    readonly durationMs?: number;
  },
): SentSpan[] {
  const root = { traceId, start, service: "gateway", parentSpanId: spanIdOf(1) };
  return [
    {
      ...root,
      parentSpanId: "",
      spanId: spanIdOf(1),
      name: "GET /users/{id}",
      kind: 2,
      durationMs,
      attributes: {
        "http.request.method": "GET",
        "url.path": "/users/0192",
        "http.route": "/users/{id}",
        "http.response.status_code": 200,
        "edgepass.rule": "authenticated",
        "edgepass.credential": "cookie",
        "user.id": "0192",
        "edgepass.issuer": "user",
        "edgepass.token.kid": "key-1",
        "edgepass.token.jti": "jti-1",
        "edgepass.token.sid": "sid-1",
        "edgepass.token.roles": ["learner"],
      },
    },
    step(root, 2, "verify", {}),
    step(root, 3, "revocation", {
      "edgepass.revocation.answer": "clear",
      "edgepass.revocation.mode": "strict",
      "db.system.name": "redis",
    }),
    step(root, 4, "sign", {
      "edgepass.passport.kid": "pass-1",
      "edgepass.passport.sub": "user:0192",
      "edgepass.passport.roles": ["learner"],
      "edgepass.passport.iat": 1_772_000_000,
      "edgepass.passport.exp": 1_772_000_030,
      "edgepass.passport.txn": traceId,
    }),
    {
      ...step(root, 5, "forward", {
        "edgepass.peer": "user",
        "http.response.status_code": 200,
      }),
      name: "GET",
      kind: 3,
      durationMs: durationMs - 2,
    },
    {
      traceId,
      spanId: spanIdOf(6),
      parentSpanId: spanIdOf(5),
      name: "GET /users/:id",
      kind: 2,
      service: "user",
      start: start + 1,
      durationMs: durationMs - 4,
      attributes: {
        "http.response.status_code": 200,
        "edgepass.passport.verdict": "accepted",
      },
    },
    {
      traceId,
      spanId: spanIdOf(7),
      parentSpanId: spanIdOf(6),
      name: "QUERY",
      kind: 3,
      service: "user",
      start: start + 2,
      durationMs: 0.5,
      attributes: {
        "db.system.name": "sqlite",
        "db.operation.name": "QUERY",
        "edgepass.db.statements": 1,
      },
    },
  ];
}

/** A request that the gateway refused, because its token was revoked. */
export function refusedTrace(
  { traceId, start }: { readonly traceId: string; readonly start: number },
): SentSpan[] {
  const [root, verify, revocation] = acceptedTrace({ traceId, start, durationMs: 3 });
  if (!root || !verify || !revocation) return [];
  return [
    {
      ...root,
      attributes: {
        ...root.attributes,
        "http.response.status_code": 401,
        "error.type": "token_revoked",
        "edgepass.token.refusal": "revoked:login",
      },
    },
    verify,
    {
      ...revocation,
      isError: true,
      attributes: {
        ...revocation.attributes,
        "edgepass.revocation.answer": "revoked",
        "error.type": "token_revoked",
      },
    },
  ];
}

function step(
  root: Pick<SentSpan, "traceId" | "start" | "service" | "parentSpanId">,
  number: number,
  name: string,
  attributes: NonNullable<SentSpan["attributes"]>,
): SentSpan {
  return {
    ...root,
    spanId: spanIdOf(number),
    name: `gateway.${name}`,
    start: root.start + number / 10,
    durationMs: 0.25,
    attributes: { "edgepass.step": name, ...attributes },
  };
}
