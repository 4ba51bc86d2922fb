import { isObject, type Json } from "./json.ts";

/** A span as a collector receives it, with the members that tests read. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly service: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly Json[];
}

/** An OpenTelemetry collector: accepts OTLP over HTTP as JSON and stores everything. */
export interface Collector extends AsyncDisposable {
  readonly endpoint: string;
  /** The received bodies, with their paths. */
  readonly bodies: readonly { readonly path: string; readonly text: string }[];
  readonly headers: readonly Headers[];
  spans(traceId?: string): CollectedSpan[];
  /** Names of all received metrics. */
  metricNames(): Set<string>;
}

export function startCollector(): Collector {
  const bodies: { path: string; text: string }[] = [];
  const headers: Headers[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      headers.push(request.headers);
      bodies.push({ path: new URL(request.url).pathname, text: await request.text() });
      return Response.json({});
    },
  );
  const bodiesOf = (path: string) =>
    bodies.filter((body) => body.path === path).map(({ text }) => JSON.parse(text) as Json);
  return {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    bodies,
    headers,
    spans: (traceId) =>
      bodiesOf("/v1/traces").flatMap((body) =>
        list(body, "resourceSpans").flatMap((resource) =>
          list(resource, "scopeSpans").flatMap((scope) => list(scope, "spans").map(toSpan))
        )
      ).filter((span) => traceId === undefined || span.traceId === traceId),
    metricNames: () =>
      new Set(
        bodiesOf("/v1/metrics").flatMap((body) =>
          list(body, "resourceMetrics").flatMap((resource) =>
            list(resource, "scopeMetrics").flatMap((scope) =>
              list(scope, "metrics").map(({ name }) => String(name))
            )
          )
        ),
      ),
    [Symbol.asyncDispose]: () => server.shutdown().catch(() => {}),
  };
}

function toSpan(span: Json): CollectedSpan {
  const attributes = Object.fromEntries(
    list(span, "attributes").map(({ key, value }) => [String(key), readValue(value)]),
  );
  return {
    traceId: String(span.traceId),
    spanId: String(span.spanId),
    parentSpanId: typeof span.parentSpanId === "string" ? span.parentSpanId : "",
    name: String(span.name),
    kind: Number(span.kind),
    service: String(attributes["edgepass.service"]),
    attributes,
    links: list(span, "links"),
  };
}

function readValue(value: unknown): unknown {
  if (!isObject(value)) return undefined;
  const [first] = Object.values(value);
  return isObject(first) ? list(first, "values").map(readValue) : first;
}

function list(parent: Json, key: string): Json[] {
  const value = parent[key];
  return Array.isArray(value) ? value.filter(isObject) : [];
}
