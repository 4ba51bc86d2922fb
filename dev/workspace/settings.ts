import { integer, readConfig } from "@edgepass/shared/configuration";
import { qstashSettings } from "@edgepass/shared/events";
import { telemetrySettings } from "@edgepass/shared/telemetry";
import * as z from "zod/mini";
import {
  databases,
  gatewaySettingNames,
  madeSettings,
  runtimeSettingNames,
  services,
  serviceSettingNames,
  settingDefaults,
} from "./generated/services.ts";
import { readOrCreateText, type Workspace } from "./workspace.ts";
import { type MadeKind, makePrivatePassportKeys, makers } from "@edgepass/shared/crypto";
import { StartError } from "./start.ts";

export { databases, gatewaySettingNames, runtimeSettingNames, services };

/** A service of the product, by the name of its folder. */
export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as readonly ServiceName[];

/** A service that has a database, and all of them. */
export type DatabaseOwner = keyof typeof databases;
export const databaseOwners = Object.keys(databases) as readonly DatabaseOwner[];

/** Every setting of the system, in the order `dev.env` shows them. */
export const settingNames = [
  "PORT",
  "DASHBOARD_PORT",
  "EDGEPASS_HOME",
  ...gatewaySettingNames,
  ...serviceSettingNames,
  "ACCESS_TOKEN_KEYS_FILE",
  "PASSPORT_KEYS_FILE",
  "REDIS_URL",
  ...keysOf(qstashSettings),
  ...keysOf(telemetrySettings),
] as const;
export type SettingName = (typeof settingNames)[number];

/** The current value of every setting; an empty text is a setting without a value. */
export type Settings = Readonly<Record<SettingName, string>>;

/** What has been given by the environment; an empty text counts as not given. */
export type Given = Readonly<Partial<Record<SettingName, string>>>;

/** The settings among the variables of a process. */
export function readGiven(variables: Readonly<Record<string, string>>): Given {
  const names: readonly string[] = settingNames;
  return Object.fromEntries(
    Object.entries(variables).filter(([name, value]) =>
      names.includes(name) && value !== "" && !isLoginName(name, value)
    ),
  );
}

/** Login shells export `USER`, the person's name: only a URL can mean the user service. */
function isLoginName(name: string, value: string): boolean {
  return name === "USER" && !URL.canParse(value);
}

const port = integer({ min: 1, max: 65_535 });
const Ports = z.object({
  PORT: z._default(port, 8787),
  DASHBOARD_PORT: z._default(port, 8788),
});

/**
 * Where to listen.
 *
 * @throws {ConfigError} naming the variable that is no port
 * @throws {StartError} when both are one
 */
export function readPorts(given: Given): { PORT: number; DASHBOARD_PORT: number } {
  const ports = readConfig(Ports, given);
  if (ports.PORT === ports.DASHBOARD_PORT) {
    throw new StartError("DASHBOARD_PORT is the same as PORT; set one of them to another port");
  }
  return ports;
}

/** The origin of dev's own dashboard, which is its collector too. */
export function toDashboard(port: number | string): string {
  return `http://127.0.0.1:${port}`;
}

/**
 * Values of the environment win; what it leaves out is generated once, stored, and used ever after.
 */
export async function completeSettings(workspace: Workspace, given: Given): Promise<Settings> {
  const { PORT, DASHBOARD_PORT } = readPorts(given);
  const PUBLIC_ORIGIN = given.PUBLIC_ORIGIN ?? `http://127.0.0.1:${PORT}`;
  requireTogether(given, ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]);
  requireTogether(given, [
    "QSTASH_URL",
    "QSTASH_TOKEN",
    "QSTASH_CURRENT_SIGNING_KEY",
    "QSTASH_NEXT_SIGNING_KEY",
  ]);
  const none = Object.fromEntries(settingNames.map((name) => [name, ""])) as Settings;
  const settings: Settings = {
    ...none,
    ...settingDefaults,
    PUBLIC_ORIGIN,
    ISSUER: PUBLIC_ORIGIN,
    AUDIENCE: PUBLIC_ORIGIN,
    OTEL_EXPORTER_OTLP_ENDPOINT: toDashboard(DASHBOARD_PORT),
    // A trace is looked at the moment after its request.
    OTEL_BSP_SCHEDULE_DELAY: "200",
    OTEL_METRIC_EXPORT_INTERVAL: "2000",
    ...placeDatabases(workspace),
    ...await secrets(workspace, given),
    ...given,
    PORT: String(PORT),
    DASHBOARD_PORT: String(DASHBOARD_PORT),
    EDGEPASS_HOME: workspace.root,
  };
  return settings;
}

function placeDatabases(workspace: Workspace): Given {
  return Object.fromEntries(
    databaseOwners.map((name) => [
      databases[name],
      `sqlite:${workspace.at("db", `${name}.sqlite`)}`,
    ]),
  );
}

const kinds: Readonly<Record<string, MadeKind>> = madeSettings;

/** Where dev stores each value that it makes, by the setting that it is for. */
export const stateFiles: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(kinds).map(([name, kind]) => {
    const file = name.toLowerCase().replaceAll("_", "-");
    return [name, kind.endsWith("keys") ? `${file}.json` : file];
  }),
);

/** Nothing is generated for a setting that was given, so no unused key lies about. */
async function secrets(workspace: Workspace, given: Given): Promise<Given> {
  const made: Record<string, string> = {};
  for (const [name, file] of Object.entries(stateFiles)) {
    if (name in given) continue;
    made[name] = await readOrCreateText(workspace, ["keys", file], makers[kinds[name] ?? "secret"]);
    // Running programs reload these files, so that a rotation finds a next key without a restart.
    if (name.endsWith("_KEYS")) made[`${name}_FILE`] = workspace.at("keys", file);
  }
  return made.PASSPORT_KEYS === undefined ? made : {
    ...made,
    PASSPORT_KEYS: await withPrivateKeys(workspace, made.PASSPORT_KEYS),
  };
}

/** Keys of profile A are in a file of their own, which no service reads. */
async function withPrivateKeys(workspace: Workspace, shared: string): Promise<string> {
  const file = ["keys", "gateway-passport-keys.json"] as const;
  const own = await readOrCreateText(workspace, file, makePrivatePassportKeys);
  try {
    return JSON.stringify([...JSON.parse(shared), ...JSON.parse(own)]);
  } catch {
    throw new StartError(
      `A file of Passport keys in ${
        workspace.at("keys")
      } is no list; delete it and a new one is made`,
    );
  }
}

/** Where a service is given in part, the rest of it cannot be generated. */
function requireTogether(given: Given, names: readonly SettingName[]): void {
  const present = names.find((name) => given[name] !== undefined);
  const missing = names.find((name) => given[name] === undefined);
  if (present === undefined || missing === undefined) return;
  throw new StartError(`${missing} is missing, but ${present} is set`);
}

function keysOf<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table) as Name[];
}
