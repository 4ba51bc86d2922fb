import type { DeclaredSetting } from "@edgepass/shared/configuration";
import type { Described } from "./describe.ts";
import { type Files, generatedTomlHead } from "./head.ts";
import { findOwn, keepOwn } from "./keep.ts";
import { listPrograms } from "./settings.ts";

/** OpenTelemetry's settings that have an effect on Workers, without the one that is a secret. */
const telemetry = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_TRACES_EXPORTER",
  "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
  "OTEL_METRICS_EXPORTER",
  "OTEL_LOGS_EXPORTER",
  "OTEL_TRACES_SAMPLER_ARG",
  "OTEL_METRIC_EXPORT_INTERVAL",
  "OTEL_SERVICE_NAME",
  "SLOW_REQUEST_MS",
];

/** What the gateway reads besides them: how a trace from outside is continued. */
const gatewayTelemetry = "TRACE_INCOMING";

/** Values that differ from a Deno process's, because Cloudflare is in front of every Worker. */
const values: Readonly<Record<string, string>> = { CLIENT_ADDRESS: "cf-connecting-ip" };

/** A Wrangler file, as far as it differs from the others. */
interface Worker {
  readonly path: string;
  readonly name: string;
  readonly comment: string;
  readonly main: string;
  readonly isGateway: boolean;
  /** What its cron is for. */
  readonly maintenance?: string;
  readonly settings: readonly DeclaredSetting[];
  readonly databases: readonly Described[];
  readonly bindings: readonly Described[];
}

/**
 * The Wrangler files: all in one, the gateway alone, and each service. What an operator has set in
 * a file, values and ids of databases, stays.
 *
 * @throws {DeclarationError} for a present file that is not understood
 */
export function writeWranglerFiles(
  services: readonly Described[],
  present: (path: string) => string | undefined,
): Files {
  const programs = listPrograms(services);
  const read = (name: string) => programs.get(name) ?? [];
  const together = new Map(
    ["gateway", ...services.map(({ folder }) => folder)].flatMap(read).map((
      one,
    ) => [one.name, one]),
  );
  const workers: Worker[] = [
    {
      path: "wrangler.toml",
      name: "edgepass",
      comment:
        "All in one: the gateway and every service in one Worker. The right size to begin with.",
      main: "app/workerd_all.ts",
      isGateway: true,
      maintenance:
        "Writes revocations again that Redis missed, publishes events that a crash left, and deletes expired rows.",
      settings: [...together.values()],
      databases: services,
      bindings: [],
    },
    {
      path: "wrangler.split.toml",
      name: "edgepass-gateway",
      comment:
        "The gateway alone; each service is a Worker of its own (services/<name>/wrangler.toml).",
      main: "app/workerd.ts",
      isGateway: true,
      settings: read("gateway"),
      databases: [],
      bindings: services,
    },
    ...services.map((one): Worker => ({
      path: `services/${one.folder}/wrangler.toml`,
      name: `edgepass-${one.folder}`,
      comment: "Reached over service bindings alone: it has no address of its own.",
      main: "workerd.ts",
      isGateway: false,
      maintenance: one.service.maintenance,
      settings: read(one.folder),
      databases: [one],
      bindings: services.filter(({ folder }) => one.calls.includes(folder)),
    })),
  ];
  const ids = new Map(services.map(({ folder }, at) => [folder, toId(at + 1)]));
  return Object.fromEntries(
    workers.map((worker) => {
      const before = present(worker.path) ?? "";
      const file = { path: worker.path, services: services.map(({ folder }) => folder) };
      return [worker.path, keepOwn(file, writeWorker(worker, ids, before), before)];
    }),
  );
}

function writeWorker(worker: Worker, ids: ReadonlyMap<string, string>, before: string): string {
  return [
    generatedTomlHead,
    "# Your values and database ids in it stay when it is written again.",
    `# ${worker.comment}`,
    `name = "${worker.name}"`,
    `main = "${worker.main}"`,
    `compatibility_date = "2026-10-01"`,
    `compatibility_flags = ["nodejs_compat"]`,
    ...(worker.isGateway
      ? ["workers_dev = true"]
      : ["workers_dev = false", "preview_urls = false"]),
    "",
    "[observability]",
    "enabled = true",
    "",
    ...(worker.maintenance === undefined ? [] : [
      `# ${worker.maintenance}`,
      "[triggers]",
      `crons = ["* * * * *"]`,
      "",
    ]),
    ...(worker.isGateway ? assets : []),
    ...writeVariables(worker),
    ...writeSecrets(worker.settings),
    ...worker.databases.flatMap((one) => writeDatabase(one, worker.path, ids, before)),
    ...worker.bindings.flatMap(({ folder, service: { place } }) => [
      "[[services]]",
      `binding = "${place}"`,
      `service = "edgepass-${folder}"`,
      "",
    ]),
  ].join("\n").trimEnd() + "\n";
}

const assets = [
  "# The files of the page at /docs. Every request goes to the Worker first: the gateway serves them.",
  "[build]",
  `command = "deno run --allow-read --allow-write=dist app/workerd_assets.ts"`,
  `watch_dir = "app"`,
  "",
  "[assets]",
  `directory = "dist/assets"`,
  `binding = "ASSETS"`,
  "run_worker_first = true",
  "",
];

function writeVariables({ settings, bindings, isGateway }: Worker): string[] {
  const bound = new Set(bindings.map(({ service }) => service.place));
  const names = [
    ...settings.filter(({ name, secret }) =>
      secret !== true && !bound.has(name) && !name.endsWith("_DB")
    ).map(({ name }) => name),
    ...telemetry,
    ...(isGateway ? [gatewayTelemetry] : []),
  ];
  return [
    "# The values of this installation; an empty text counts as not set. docs/deploy.md describes each",
    "# value and its default.",
    "[vars]",
    ...names.map((name) => `${name} = "${values[name] ?? ""}"`),
    "",
  ];
}

function writeSecrets(settings: readonly DeclaredSetting[]): string[] {
  const secrets = settings.filter(({ name, secret }) =>
    secret === true && !name.endsWith("_DB_TOKEN")
  );
  const isDemanded = (one: DeclaredSetting) => one.required || one.isDemanded === true;
  const optional = secrets.filter((one) => !isDemanded(one)).map(({ name }) => name);
  return [
    "# `wrangler deploy` refuses while one of them is missing. Their values are in no file of this folder.",
    ...(optional.length === 0
      ? []
      : ["# Secrets too, but not required:", ...optional.map((name) => `#   ${name}`)]),
    "[secrets]",
    "required = [",
    ...secrets.filter(isDemanded).map(({ name }) => `  "${name}",`),
    "]",
    "",
  ];
}

function writeDatabase(
  { folder, service: { database } }: Described,
  path: string,
  ids: ReadonlyMap<string, string>,
  before: string,
): string[] {
  if (database === undefined) return [];
  const name = findOwn(path, before, `d1_databases ${database}`, "database_name") ??
    `edgepass-${folder}`;
  return [
    `# \`wrangler d1 create ${name}\` prints the id.`,
    "[[d1_databases]]",
    `binding = "${database}"`,
    `database_name = "${name}"`,
    `database_id = "${ids.get(folder)}"`,
    `migrations_dir = "${path.startsWith("services/") ? "" : `services/${folder}/`}migrations"`,
    "",
  ];
}

/** A placeholder until there is a database. */
function toId(at: number): string {
  return `00000000-0000-0000-0000-${String(at).padStart(12, "0")}`;
}
