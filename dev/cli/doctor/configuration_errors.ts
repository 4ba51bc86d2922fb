import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { machineVariables, parts as allParts, settingsOf } from "../../workspace/environment.ts";
import { makeSecret } from "@edgepass/shared/crypto";
import { databaseOwners, databases, type Settings } from "../../workspace/settings.ts";
import type { ConfigurationError, DoctorContext } from "./context.ts";

const ConfigurationErrors = z.array(z.object({ part: z.enum(allParts), message: z.string() }));

/** A program of the product that looks at settings for the doctor. */
interface Look {
  /** Its path from the root. */
  readonly file: string;
  /** What it may do, and its arguments after its file. */
  readonly permissions: readonly string[];
  readonly args?: readonly string[];
  /** Read from standard input, as JSON. */
  readonly input: Readonly<Record<string, string>>;
}

/**
 * What a program prints as JSON, from a process of its own.
 *
 * @throws {TypeError} when that process reports nothing, with the first line it wrote instead
 */
export async function askProgram(
  { variables }: DoctorContext,
  { file, permissions, args = [], input }: Look,
): Promise<unknown> {
  const program = fileURLToPath(new URL(`../../../${file}`, import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...permissions, program, ...args],
    env: { ...machineVariables(variables) },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // A process that ended before it read its input reports the reason itself.
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    new Blob([JSON.stringify(input)]).stream().pipeTo(child.stdin).catch(() => {}),
  ]);
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  if (code !== 0) throw new TypeError(errors?.split("\n")[0] || `ended with code ${code}`);
  return JSON.parse(output ?? "");
}

/** What the programs themselves report about the settings. */
export async function validateInPrograms(context: DoctorContext): Promise<ConfigurationError[]> {
  const reported = await askProgram(context, {
    file: "app/check_settings_deno.ts",
    permissions: ["--allow-env", "--allow-read"],
    args: context.parts,
    input: settingsToRead(context),
  });
  return z.parse(ConfigurationErrors, reported);
}

/** The settings of the programs, and the exporters that dev replaces in order to forward itself. */
function settingsToRead(context: DoctorContext): Readonly<Record<string, string>> {
  const settings = withPlaceholders(context);
  const exporters = Object.entries(settings)
    .filter(([name, value]) => name.startsWith("OTEL_") && value !== "");
  return { ...settingsOf(context.parts, settings), ...Object.fromEntries(exporters) };
}

/**
 * Placeholders: for what dev generates only while it runs, and for databases that are bindings of
 * workerd.
 */
function withPlaceholders({ scope, settings }: DoctorContext): Settings {
  if (scope === "deployment") return settings;
  const placeholders: Record<string, string> = {};
  if (settings.UPSTASH_REDIS_REST_URL === "") {
    placeholders.UPSTASH_REDIS_REST_URL = "http://127.0.0.1:1";
    placeholders.UPSTASH_REDIS_REST_TOKEN = makeSecret();
  }
  if (isInWorkerd(settings)) {
    for (const name of databaseOwners) placeholders[databases[name]] = "sqlite:";
  }
  return { ...settings, ...placeholders };
}

/** In workerd databases are bindings, which no text can replace. */
export function isInWorkerd(settings: Settings): boolean {
  return databaseOwners.every((name) => settings[databases[name]] === "");
}
