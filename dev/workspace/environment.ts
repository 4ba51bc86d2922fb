import { qstashSettings } from "@edgepass/shared/events";
import { withoutPrivateKeys } from "@edgepass/shared/passport";
import {
  databases,
  gatewaySettingNames,
  runtimeSettingNames,
  type ServiceName,
  serviceNames,
  services,
  type SettingName,
  type Settings,
  toDashboard,
} from "./settings.ts";

/** How a program exports telemetry. The keys of a collector elsewhere stay with dev. */
const telemetry = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_TRACES_EXPORTER",
  "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
  "OTEL_METRICS_EXPORTER",
  "OTEL_LOGS_EXPORTER",
  "OTEL_TRACES_SAMPLER_ARG",
  "OTEL_BSP_SCHEDULE_DELAY",
  "OTEL_METRIC_EXPORT_INTERVAL",
  "OTEL_BSP_MAX_QUEUE_SIZE",
  "OTEL_SERVICE_NAME",
  "OTEL_DENO",
  "OTEL_PROPAGATORS",
  "TRACE_INCOMING",
  "SLOW_REQUEST_MS",
] as const satisfies readonly SettingName[];

/** What every service of a trust domain needs. */
const common = [
  ...runtimeSettingNames,
  "PASSPORT_KEYS_FILE",
  // Where the central configuration is.
  "UPSTASH_REDIS_REST_URL",
  "UPSTASH_REDIS_REST_TOKEN",
  ...telemetry,
] as const satisfies readonly SettingName[];

/**
 * Settings by the program that needs them: a process must hold no secret that it has no use for.
 */
const needs: Readonly<Record<string, readonly string[]>> = {
  gateway: [
    ...common,
    ...gatewaySettingNames,
    ...serviceNames.map((name) => services[name].place),
  ],
  ...Object.fromEntries(serviceNames.map((name) => [name, needsOf(name)])),
};

function needsOf(service: ServiceName): readonly string[] {
  const { calls, hasEvents, settings } = services[service];
  const database = new Map<string, string>(Object.entries(databases)).get(service);
  return [
    ...common,
    ...(hasEvents ? Object.keys(qstashSettings) : []),
    ...(database === undefined ? [] : [database, `${database}_TOKEN`]),
    ...settings.flatMap((name) => name.endsWith("_KEYS") ? [name, `${name}_FILE`] : [name]),
    ...calls.map((called) => services[called].place),
  ];
}

/** A program: the gateway, or a service. */
export type Part = "gateway" | ServiceName;
export const parts: readonly Part[] = ["gateway", ...serviceNames];

/** The settings that these parts need, without those that have no value. */
export function settingsOf(
  parts: readonly Part[],
  settings: Settings,
): Readonly<Record<string, string>> {
  const names = new Set(parts.flatMap((part) => needs[part] ?? []));
  const given = Object.fromEntries(
    Object.entries(settings).filter(([name, value]) => names.has(name) && value !== ""),
  );
  // Only the gateway signs Passports: a private key in a service could forge every identity.
  if (parts.includes("gateway")) return given;
  const { PASSPORT_KEYS } = withoutPrivateKeys(given);
  return typeof PASSPORT_KEYS === "string" ? { ...given, PASSPORT_KEYS } : given;
}

/**
 * The settings as `dev.env` has them: a process that joins by it is a service, and gets no private
 * key.
 */
export function toClientSettings(settings: Settings): Readonly<Record<string, string>> {
  const { PASSPORT_KEYS } = withoutPrivateKeys(settings);
  const own = typeof PASSPORT_KEYS === "string" ? { ...settings, PASSPORT_KEYS } : settings;
  // Deno reads these itself, and warns about an empty one at every start.
  return Object.fromEntries(
    Object.entries(own).filter(([name, value]) => value !== "" || !name.startsWith("OTEL_")),
  );
}

/** The settings of the programs, which export their telemetry to dev, whatever else was given. */
export function reportToDev(settings: Settings): Settings {
  return {
    ...settings,
    OTEL_EXPORTER_OTLP_ENDPOINT: toDashboard(settings.DASHBOARD_PORT),
    // Their standard output has every line already.
    OTEL_LOGS_EXPORTER: settings.OTEL_LOGS_EXPORTER || "none",
  };
}

/** Variables of the machine, not of the system, without which Deno or its network might fail. */
const inherited = [
  "PATH",
  "HOME",
  "USERPROFILE",
  "LOCALAPPDATA",
  "SYSTEMROOT",
  "TMPDIR",
  "TEMP",
  "DENO_DIR",
  "XDG_CACHE_HOME",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "http_proxy",
  "https_proxy",
] as const;

/** The machine's variables that a child gets; requests to loopback never take a proxy. */
export function machineVariables(
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const present = inherited.filter((name) => variables[name] !== undefined);
  const direct = [variables.NO_PROXY ?? variables.no_proxy, "127.0.0.1", "localhost"];
  return {
    ...Object.fromEntries(present.map((name) => [name, variables[name] ?? ""])),
    NO_PROXY: direct.filter((host) => host).join(","),
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
  };
}

/** Services that no setting puts elsewhere, so that dev has to run them. */
export function servicesToRun(settings: Settings): readonly ServiceName[] {
  return serviceNames.filter((name) => settings[services[name].place] === "");
}
