import * as z from "zod/mini";
import { readConfig } from "@edgepass/shared/configuration";
import { readTraceparent, telemetrySettings } from "@edgepass/shared/telemetry";
import { stripVTControlCharacters } from "node:util";
import type { Endpoints } from "./endpoints.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { LogLine } from "../terminal/log_line.ts";
import type { Logs } from "./logs.ts";
import {
  type DeliveryNote,
  type ForwardTargets,
  type LogLine as ObservedLine,
  type RunningObserver,
  startObserver,
} from "../collector/mod.ts";
import {
  databaseOwners,
  databases,
  type Given,
  serviceNames,
  type Settings,
  toDashboard,
} from "../workspace/settings.ts";
import { StartError } from "../workspace/start.ts";
import { parseJson } from "@edgepass/shared/crypto";
import type { LogNote } from "@edgepass/local/qstash";
import type { BaseSetting } from "../collector/configuration_api.ts";

const Telemetry = z.object(telemetrySettings);

/**
 * Checks the telemetry settings that were given: the programs get others in place of some, and
 * would not report a malformed one.
 *
 * @throws {ConfigError} naming what is malformed
 */
export function requireTelemetrySettings(given: Given): void {
  readConfig(Telemetry, given);
}

/** Where dev forwards what it collects; undefined where no other collector was given. */
export function toForwardTargets(given: Given): ForwardTargets | undefined {
  const { OTEL_EXPORTER_OTLP_HEADERS: headers, ...endpoints } = readConfig(Telemetry, given);
  const own = toDashboard(given.DASHBOARD_PORT ?? "");
  const common = endpoints.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, "");
  const toUrl = (signal: string, specific: string | undefined) =>
    specific ?? (common === undefined ? undefined : `${common}/v1/${signal}`);
  const urls = {
    traces: toUrl("traces", endpoints.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT),
    metrics: toUrl("metrics", endpoints.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT),
    logs: toUrl("logs", endpoints.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT),
  };
  // Settings that were read from dev.env name dev itself, and it would forward to itself in a loop.
  const elsewhere = Object.entries(urls).filter(([, url]) =>
    url !== undefined && URL.parse(url)?.origin !== own
  );
  return elsewhere.length === 0 ? undefined : { urls: Object.fromEntries(elsewhere), headers };
}

/**
 * Starts the observer of a system; from now on it receives every line.
 *
 * @throws {StartError} when it cannot serve
 */
export async function observe(
  { mode, workspace, given, endpoints, logs }: {
    readonly mode: string;
    readonly workspace: Workspace;
    readonly given: Given;
    readonly endpoints: Endpoints;
    readonly logs: Logs;
  },
): Promise<RunningObserver> {
  const { settings, localQstash: qstash } = endpoints;
  const isExportingLogs = settings.OTEL_LOGS_EXPORTER === "otlp" || settings.OTEL_DENO !== "";
  const observer = await startObserver({
    folder: workspace.at("observe"),
    port: Number(settings.DASHBOARD_PORT),
    pid: Deno.pid,
    system: {
      mode,
      startedAt: Date.now(),
      gatewayOrigin: settings.PUBLIC_ORIGIN,
      services: serviceNames,
      redis: { url: settings.UPSTASH_REDIS_REST_URL, token: settings.UPSTASH_REDIS_REST_TOKEN },
      qstash,
      databases: mode === "workers" ? [] : listDatabases(settings),
      administrator: {
        port: Number(settings.PORT),
        email: settings.ADMIN_EMAIL,
        password: settings.ADMIN_PASSWORD,
      },
      base: listBaseSettings(settings, serviceNames),
    },
    forward: toForwardTargets({ ...given, DASHBOARD_PORT: settings.DASHBOARD_PORT }),
    keepsLogs: !isExportingLogs,
  }, { onWarning: (message) => logs.report("warn", message) }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw new StartError(`the dashboard cannot be served: ${reason}`, { cause });
  });
  logs.listen((line) => observer.receive(toObserved(line)));
  endpoints.onNote((note) => {
    const delivery = toDeliveryNote(note);
    if (delivery) observer.noteDelivery(delivery);
  });
  return observer;
}

/** The services' own SQLite files. */
function listDatabases(settings: Settings): (readonly [name: string, path: string])[] {
  return databaseOwners.flatMap((name) => {
    const value = settings[databases[name]];
    return value.startsWith("sqlite:")
      ? [[`${name} database`, value.slice("sqlite:".length)] as const]
      : [];
  });
}

function toObserved({ time, level, service, message, traceId, fields }: LogLine): ObservedLine {
  const { spanId, ...rest } = fields;
  return {
    time: Date.parse(time) || Date.now(),
    level,
    service,
    traceId: traceId !== undefined && /^[0-9a-f]{32}$/.test(traceId) ? traceId : null,
    spanId: typeof spanId === "string" ? spanId : null,
    message: stripVTControlCharacters(message),
    fields: rest,
  };
}

const Event = z.object({
  id: z.string(),
  type: z.string(),
  subject: z.string(),
  source: z.string(),
  time: z.iso.datetime({ offset: true }),
  traceparent: z.string(),
});
const ConsumerResponse = z.object({
  outcome: z.optional(z.string()),
  code: z.optional(z.string()),
});

const states = {
  CREATED: "accepted",
  DELIVERED: "delivered",
  ERROR: "failed",
  FAILED: "dead",
  CANCELED: "cancelled",
} as const;

/** Codes by which a consumer reports what it did with an event. */
const outcomes: Readonly<Record<string, string>> = {
  event_unusable: "poison",
  event_postponed: "busy",
  store_unavailable: "busy",
};

/** What a note of QStash's log reports of an event's delivery; undefined for any other message. */
export function toDeliveryNote(
  { time, state, letter, attempt, nextDeliveryTime }: LogNote,
): DeliveryNote | undefined {
  const [, consumer] = /\/events\/([a-z]+)$/.exec(letter.url) ?? [];
  if (consumer === undefined || !isReported(state)) return undefined;
  const { data: event } = z.safeParse(Event, parse(letter.body));
  const trace = event && readTraceparent(event.traceparent);
  if (!event || !trace) return undefined;
  return {
    time,
    state: states[state],
    messageId: letter.id,
    consumer,
    status: attempt?.status || null,
    outcome: attempt ? readOutcome(attempt.body) : null,
    nextAt: nextDeliveryTime ?? null,
    eventId: event.id,
    type: event.type,
    subject: event.subject,
    source: event.source.replace(/^\//, ""),
    storedAt: Date.parse(event.time),
    traceId: trace.traceId,
  };
}

/** The start of an attempt and a coming retry need no note: the other states cover them. */
function isReported(state: LogNote["state"]): state is keyof typeof states {
  return Object.hasOwn(states, state);
}

function readOutcome(body: Uint8Array): string | null {
  const { data } = z.safeParse(ConsumerResponse, parse(body));
  const { outcome, code } = data ?? {};
  return outcome ?? (code === undefined ? null : outcomes[code] ?? code);
}

function parse(body: Uint8Array): unknown {
  return parseJson(new TextDecoder().decode(body));
}

/** Settings without secrets that the central document may override. */
const variables = {
  "gateway.logLevel": "LOG_LEVEL",
  "gateway.passportTtlSeconds": "PASSPORT_TTL_SECONDS",
  "passport.policy": "PASSPORT_POLICY",
  "services.auth.accessTokenTtlSeconds": "ACCESS_TOKEN_TTL_SECONDS",
  "services.auth.refreshTokenTtlSeconds": "REFRESH_TOKEN_TTL_SECONDS",
} as const;

/** Variables that {@linkcode listBaseSettings} reads. */
export type BaseVariable = (typeof variables)[keyof typeof variables];

/** The settings that a document may override, with what every program was started with. */
export function listBaseSettings(
  settings: Readonly<Record<BaseVariable, string>>,
  services: readonly string[],
): BaseSetting[] {
  const names: readonly (readonly [path: string, name: BaseVariable])[] = [
    ...Object.entries(variables),
    ...services.map((service) => [`services.${service}.logLevel`, "LOG_LEVEL"] as const),
  ];
  return names.map(([path, name]) => ({ path, name, value: settings[name] }));
}
