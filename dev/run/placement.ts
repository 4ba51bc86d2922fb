import { dirname, join } from "node:path";
import {
  machineVariables,
  type Part,
  parts,
  reportToDev,
  servicesToRun,
  settingsOf,
} from "../workspace/environment.ts";
import { inFlightFile } from "../collector/mod.ts";
import { findFreePorts, type ProcessPlan } from "./processes.ts";
import { projectRoot } from "../workspace/workspace.ts";
import { type ServiceName, services, type Settings } from "../workspace/settings.ts";

/** A process to run, and the port on which it reports that it is ready. */
export interface Placed extends ProcessPlan {
  readonly port: number;
}

/** Which processes the system runs as. */
export interface Placement {
  /** The settings, with the URLs of services in processes of their own. */
  readonly settings: Settings;
  /** In the order in which they end: callers before the services that they call. */
  readonly processes: readonly Placed[];
}

/** The gateway and every service in one process. */
export function placeTogether(settings: Settings): Placement {
  const port = Number(settings.PORT);
  return {
    settings,
    processes: [toProcess("edgepass", { entry: "app/deno.ts", parts, port, settings })],
  };
}

/** The gateway and each service in a process of its own, over HTTP on loopback. */
export function placeApart(given: Settings): Placement {
  const local = servicesToRun(given);
  const ports = findFreePorts(local.length);
  const places = local.map((name, at) => [services[name].place, `http://127.0.0.1:${ports[at]}`]);
  const settings: Settings = { ...given, ...Object.fromEntries(places) };
  const gateway = toProcess("gateway", {
    entry: "app/gateway_deno.ts",
    parts: ["gateway"],
    port: Number(settings.PORT),
    settings,
  });
  const others = local.map((name: ServiceName, at) =>
    toProcess(name, {
      entry: `services/${name}/deno.ts`,
      parts: [name],
      port: ports[at] ?? 0,
      settings,
    })
  );
  // Enrollment calls all the others, course calls user, and user calls auth.
  return { settings, processes: [gateway, ...others.toReversed()] };
}

function toProcess(
  name: string,
  { entry, parts, port, settings }: {
    entry: string;
    parts: readonly Part[];
    port: number;
    settings: Settings;
  },
): Placed {
  const own = settingsOf(parts, reportToDev(settings));
  const notes = inFlightFile(join(settings.EDGEPASS_HOME, "observe"), name);
  return {
    name,
    port,
    args: [...permissionsOf(own, notes), projectRoot + entry],
    env: {
      ...machineVariables(Deno.env.toObject()),
      ...own,
      // Deno's own exporter writes protobuf by default, which dev's collector does not read.
      ...(own.OTEL_DENO === undefined ? {} : { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }),
      PORT: String(port),
      INFLIGHT_FILE: notes,
    },
  };
}

/**
 * The network, the variables it was given, the sources, the folders of its own databases, its files
 * of keys, and the file in which it notes its requests under way.
 */
function permissionsOf(own: Readonly<Record<string, string>>, notes: string): string[] {
  const files = Object.entries(own)
    .filter(([name, value]) => name.endsWith("_DB") && value.startsWith("sqlite:"))
    .map(([, value]) => value.slice("sqlite:".length));
  const folders = [...new Set(files.map((file) => dirname(file)))];
  const keys = Object.entries(own).filter(([name]) => name.endsWith("_KEYS_FILE"))
    .map(([, path]) => path);
  return [
    "--allow-net",
    "--allow-env",
    `--allow-read=${[projectRoot, ...folders, ...keys].join(",")}`,
    `--allow-write=${[...folders, notes].join(",")}`,
  ];
}
