import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { machineVariables, parts as allParts, settingsOf } from "../environment.ts";
import { makeSecret } from "../keys.ts";
import { serviceNames, services, type Settings } from "../settings.ts";
import type { ConfigurationError, DoctorContext } from "./context.ts";

const ConfigurationErrors = z.array(z.object({ part: z.enum(allParts), message: z.string() }));

const program = fileURLToPath(new URL("../../app/check_settings_deno.ts", import.meta.url));

/**
 * What the programs themselves say of the settings, in a process of its own.
 *
 * @throws {TypeError} when that process gives no answer, with the first line it wrote instead
 */
export async function askPrograms(doctorContext: DoctorContext): Promise<ConfigurationError[]> {
  const { parts } = doctorContext;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-env", "--allow-read", program, ...parts],
    env: { ...machineVariables(doctorContext.variables) },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const settings = new Blob([JSON.stringify(settingsToRead(doctorContext))]).stream();
  // One that ended before it read says itself why.
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    settings.pipeTo(child.stdin).catch(() => {}),
  ]);
  const [said, wrote] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  if (code !== 0) throw new TypeError(wrote?.split("\n")[0] || `ended with code ${code}`);
  return z.parse(ConfigurationErrors, JSON.parse(said ?? ""));
}

/** What the programs are given, and what dev keeps from them to send it on itself. */
function settingsToRead(doctorContext: DoctorContext): Readonly<Record<string, string>> {
  const settings = withStandIns(doctorContext);
  const exporters = Object.entries(settings)
    .filter(([name, value]) => name.startsWith("OTEL_") && value !== "");
  return { ...settingsOf(doctorContext.parts, settings), ...Object.fromEntries(exporters) };
}

/** What dev makes up only while it runs, and databases that are bindings of workerd. */
function withStandIns({ scope, settings }: DoctorContext): Settings {
  if (scope === "deployment") return settings;
  const stands: Record<string, string> = {};
  if (settings.UPSTASH_REDIS_REST_URL === "") {
    stands.UPSTASH_REDIS_REST_URL = "http://127.0.0.1:1";
    stands.UPSTASH_REDIS_REST_TOKEN = makeSecret();
  }
  if (isInWorkerd(settings)) {
    for (const name of serviceNames) stands[services[name].database] = "sqlite:";
  }
  return { ...settings, ...stands };
}

/** In workerd databases are bindings, which no text can stand for. */
export function isInWorkerd(settings: Settings): boolean {
  return serviceNames.every((name) => settings[services[name].database] === "");
}
