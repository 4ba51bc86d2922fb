import * as z from "zod/mini";
import { integer } from "../composition/settings.ts";

/** Timers are limited to 2^31 - 1 milliseconds. */
const milliseconds = integer({ min: 1, max: 2_147_483_647 });

const endpoint = z.optional(z.string().check(z.refine(isHttpUrl, "must be an http(s) URL")));

const ratio = z.pipe(
  z.transform((value: unknown) =>
    typeof value === "string" && /^(\d+\.?\d*|\.\d+)(e-?\d+)?$/i.test(value) ? Number(value) : value
  ),
  z.custom<number>(
    (value) => typeof value === "number" && value >= 0 && value <= 1,
    "must be a number from 0 to 1",
  ),
);

/** The values that Deno reads as true. */
const flag = z.pipe(z.string(), z.transform((text) => text === "true" || text === "1"));

const headers = z.pipe(
  z.string().check(
    z.refine(
      (text) => readHeaderList(text) !== undefined,
      "must be name=value pairs, percent-encoded, separated by commas",
    ),
  ),
  z.transform((text) => readHeaderList(text) ?? {}),
);

/** The telemetry settings: OpenTelemetry's own names, and two of ours. */
export const telemetrySettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_HEADERS: z._default(headers, {}),
  OTEL_TRACES_EXPORTER: z._default(z.enum(["otlp", "zipkin", "none"]), "otlp"),
  OTEL_EXPORTER_ZIPKIN_ENDPOINT: z._default(
    z.string().check(z.refine(isHttpUrl, "must be an http(s) URL")),
    "http://localhost:9411/api/v2/spans",
  ),
  OTEL_METRICS_EXPORTER: z._default(z.enum(["otlp", "none"]), "otlp"),
  OTEL_LOGS_EXPORTER: z._default(z.enum(["otlp", "none"]), "otlp"),
  OTEL_TRACES_SAMPLER_ARG: z._default(ratio, 1),
  OTEL_BSP_SCHEDULE_DELAY: z._default(milliseconds, 5_000),
  OTEL_METRIC_EXPORT_INTERVAL: z._default(milliseconds, 60_000),
  OTEL_BSP_MAX_QUEUE_SIZE: z._default(integer({ min: 1, max: 1_000_000 }), 8_192),
  OTEL_SERVICE_NAME: z.optional(z.string().check(z.maxLength(128))),
  OTEL_DENO: z._default(flag, false),
  OTEL_PROPAGATORS: z.optional(z.string()),
  TRACE_INCOMING: z._default(z.enum(["continue", "restart"]), "continue"),
  SLOW_REQUEST_MS: z._default(integer({ min: 0, max: 2_147_483_647 }), 1_000),
};

const Settings = z.object(telemetrySettings);

/** The settings, typed. */
export type TelemetrySettings = z.output<typeof Settings>;

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

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
  // A URL may hold a percent sign that encodes nothing.
  const [user, secret] = [username, password].map((text) => decode(text) ?? text);
  const pair = new TextEncoder().encode(`${user}:${secret}`);
  return { url: url.href, headers: { authorization: `Basic ${pair.toBase64()}`, ...headers } };
}

/** A header's name is a token (RFC 9110 §5.6.2). */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** The characters of a header's value, without line breaks: no header injection. */
const value = /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/;

/**
 * Reads headers in the format of W3C Baggage, as OpenTelemetry's settings use it:
 * `name=value,name=value`, values percent-encoded.
 *
 * Returns undefined if any part is malformed.
 */
export function readHeaderList(text: string): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    const name = part.slice(0, Math.max(at, 0)).trim().toLowerCase();
    const decoded = decode(part.slice(at + 1).trim());
    if (!token.test(name) || decoded === undefined || !value.test(decoded)) return undefined;
    headers[name] = decoded;
  }
  return headers;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
