import { dirname } from "node:path";
import { machineVariables, type Part, parts, servicesToRun, settingsOf } from "./environment.ts";
import { findFreePorts } from "./ports.ts";
import { type ProcessPlan, projectRoot } from "./processes.ts";
import { type ServiceName, services, type Settings } from "./settings.ts";

/** A process to run, and where it says that it is ready. */
export interface Placed extends ProcessPlan {
  readonly port: number;
}

/** Which processes the system runs as. */
export interface Placement {
  /** The settings, with the URLs of services in processes of their own. */
  readonly settings: Settings;
  /** In the order in which they end: whoever calls others comes before them. */
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
  // Enrollment calls course, course calls user, and user calls auth.
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
  const own = settingsOf(parts, settings);
  return {
    name,
    port,
    args: [...permissionsOf(own), projectRoot + entry],
    env: { ...machineVariables(Deno.env.toObject()), ...own, PORT: String(port) },
  };
}

/** The network, the variables it was given, the sources, and the folders of its own databases. */
function permissionsOf(own: Readonly<Record<string, string>>): string[] {
  const files = Object.entries(own)
    .filter(([name, value]) => name.endsWith("_DB") && value.startsWith("sqlite:"))
    .map(([, value]) => value.slice("sqlite:".length));
  const folders = [...new Set(files.map((file) => dirname(file)))];
  return [
    "--allow-net",
    "--allow-env",
    `--allow-read=${[projectRoot, ...folders].join(",")}`,
    ...(folders.length === 0 ? [] : [`--allow-write=${folders.join(",")}`]),
  ];
}
