import * as z from "zod/mini";
import { integer } from "../composition/settings.ts";
import { readHeaderList } from "./header_list.ts";

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
