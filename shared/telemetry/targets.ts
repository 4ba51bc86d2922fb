import type { TelemetrySettings } from "./settings.ts";

/** An exported signal, in OpenTelemetry's term. */
export type Signal = "traces" | "metrics" | "logs";

/** The endpoint of a signal. */
export interface Target {
  readonly url: string;
  /** Secret: they hold the collector's key. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The target of each exported signal. */
export interface Targets {
  readonly traces?: Target & { readonly format: "otlp" | "zipkin" };
  readonly metrics?: Target;
  readonly logs?: Target;
}

/**
 * The targets from the settings: a signal's own endpoint unchanged, the common one with
 * `/v1/<signal>` after its path (OTLP exporter specification, "Endpoint URLs for OTLP/HTTP").
 */
export function toTargets(settings: TelemetrySettings): Targets {
  const headers = settings.OTEL_EXPORTER_OTLP_HEADERS;
  const otlp = (signal: Signal, own: string | undefined): Target | undefined => {
    const common = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
    const url = own ?? (common === undefined ? undefined : appendPath(common, `/v1/${signal}`));
    return url === undefined ? undefined : toTarget(url, headers);
  };
  const traces = toTraces(settings, otlp("traces", settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT));
  const metrics = settings.OTEL_METRICS_EXPORTER === "none"
    ? undefined
    : otlp("metrics", settings.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT);
  const logs = settings.OTEL_LOGS_EXPORTER === "none"
    ? undefined
    : otlp("logs", settings.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT);
  return { ...(traces && { traces }), ...(metrics && { metrics }), ...(logs && { logs }) };
}

function toTraces(
  settings: TelemetrySettings,
  otlp: Target | undefined,
): Targets["traces"] | undefined {
  // Deno's own provider exports them.
  if (settings.OTEL_DENO) return undefined;
  switch (settings.OTEL_TRACES_EXPORTER) {
    case "none":
      return undefined;
    case "zipkin":
      return { ...toTarget(settings.OTEL_EXPORTER_ZIPKIN_ENDPOINT, {}), format: "zipkin" };
    case "otlp":
      return otlp && { ...otlp, format: "otlp" };
  }
}

function appendPath(endpoint: string, path: string): string {
  const url = new URL(endpoint);
  url.pathname = url.pathname.replace(/\/+$/, "") + path;
  return url.href;
}

/** `fetch` refuses a URL with credentials in it: they become an Authorization header. */
function toTarget(endpoint: string, headers: Target["headers"]): Target {
  const url = new URL(endpoint);
  const { username, password } = url;
  if (username === "" && password === "") return { url: url.href, headers };
  url.username = "";
  url.password = "";
  const pair = new TextEncoder().encode(`${decode(username)}:${decode(password)}`);
  return { url: url.href, headers: { authorization: `Basic ${pair.toBase64()}`, ...headers } };
}

/** A URL may hold a percent sign that encodes nothing. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
