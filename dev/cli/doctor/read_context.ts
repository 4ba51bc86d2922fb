import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import type { Part } from "../../workspace/environment.ts";
import { projectRoot, type Workspace } from "../../workspace/workspace.ts";
import {
  completeSettings,
  type Given,
  readGiven,
  settingNames,
  type Settings,
  stateFiles,
} from "../../workspace/settings.ts";
import type { DevState, DoctorContext } from "./context.ts";

export interface DoctorContextOptions {
  readonly scope: DoctorContext["scope"];
  readonly parts: readonly Part[];
}

/**
 * Reads what the checks look at, and changes nothing.
 *
 * A deployment is what the environment has. For dev it is what the last start wrote, then what dev
 * stored, then the environment; the later wins. A running dev is as it was started.
 */
export async function readDoctorContext(
  variables: Readonly<Record<string, string>>,
  { scope, parts }: DoctorContextOptions,
): Promise<DoctorContext> {
  const given = withoutLoginName(readGiven(variables));
  const workspace = resolve(given.EDGEPASS_HOME ?? `${projectRoot}.edgepass`);
  const common = { scope, variables, parts, workspace };
  if (scope === "deployment") {
    return { ...common, settings: { ...none, ...given }, dev: { name: "stopped" } };
  }
  const written = readWritten(join(workspace, "dev.env"));
  const dev = readDevState(workspace, written !== undefined);
  const stored = readStored(workspace);
  const { settings, refusal } = await complete(workspace, { ...stored, ...given });
  return {
    ...common,
    dev,
    ...(refusal === undefined ? {} : { refusal }),
    settings: dev.name === "running"
      ? { ...settings, ...stored, ...written, ...given }
      : { ...settings, ...written, ...stored, ...given },
  };
}

const none = Object.fromEntries(settingNames.map((name) => [name, ""])) as Settings;

/** Login shells export `USER`, the person's name: only a URL can mean the user service. */
function withoutLoginName({ USER, ...given }: Given): Given {
  return USER !== undefined && URL.canParse(USER) ? { ...given, USER } : given;
}

/**
 * What a start would complete these to; secrets that it would generate exist only for this moment.
 */
async function complete(
  root: string,
  given: Given,
): Promise<{ settings: Settings; refusal?: string }> {
  const scratch = await Deno.makeTempDir({ prefix: "edgepass-doctor-" });
  const workspace: Workspace = {
    root,
    at: (...parts) => join(parts[0] === "keys" ? scratch : root, ...parts),
  };
  try {
    await Deno.mkdir(workspace.at("keys"));
    return { settings: await completeSettings(workspace, given) };
  } catch (error) {
    const refusal = error instanceof Error ? error.message : "cannot be completed";
    return { settings: { ...none, ...given }, refusal };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** The settings of the last start, empty ones too; undefined before the first one. */
function readWritten(path: string): Given | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const written = parseEnv(text);
  return withoutLoginName(Object.fromEntries(
    settingNames.filter((name) => name in written).map((name) => [name, written[name] ?? ""]),
  ));
}

function readStored(workspace: string): Given {
  return readGiven(Object.fromEntries(
    Object.entries(stateFiles).map((
      [name, file],
    ) => [name, readIfThere(join(workspace, "keys", file))?.trim() ?? ""]),
  ));
}

/** A running dev holds a lock, which the operating system releases however dev ends. */
function readDevState(workspace: string, wasStarted: boolean): DevState {
  const path = join(workspace, "dev.lock");
  const pid = readIfThere(path) ?? "";
  if (pid === "") return { name: wasStarted ? "stopped" : "never" };
  return { name: isLocked(path) ? "running" : "killed", pid: /^\d+$/.test(pid) ? pid : "?" };
}

/** Shared and released at once, so that a dev that starts at this moment is hardly disturbed. */
function isLocked(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    return !file.tryLockSync(false);
  } catch {
    return false;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
