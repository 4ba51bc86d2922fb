import { distanceBetween } from "@edgepass/shared/configuration";
import { join } from "node:path";
import { parts as allParts } from "../../workspace/environment.ts";
import { type SettingName, settingNames, stateFiles } from "../../workspace/settings.ts";
import {
  type ConfigurationError,
  type DoctorContext,
  type Effects,
  fail,
  type Finding,
  ok,
  warn,
} from "./context.ts";

/** Settings whose configuration errors are findings about keys. */
const aboutKeys: readonly SettingName[] = ["ACCESS_TOKEN_KEYS", "PASSPORT_KEYS"];

/** Every program accepts the settings it reads, by the very schemas it reads them with. */
export async function checkSettings(context: DoctorContext, effects: Effects): Promise<Finding[]> {
  const { parts, refusal } = context;
  const own = refusal === undefined
    ? []
    : readConfigurationErrors(refusal).map(({ text, name }) => fail(text, fixFor(name, context)));
  let configurationErrors: readonly ConfigurationError[];
  try {
    configurationErrors = await effects.configurationErrors();
  } catch (error) {
    const reason = error instanceof Error ? error.message : "they reported nothing";
    return [
      ...own,
      fail(`the programs cannot check them: ${reason}`, "deno install, deno task check"),
    ];
  }
  const others = [...groupConfigurationErrors(configurationErrors)]
    .filter(([, { name }]) => name === undefined || !aboutKeys.includes(name))
    .map(([text, { name, readers }]) => fail(`${text} (${readers})`, fixFor(name, context)));
  const findings = [...own, ...others];
  return findings.length > 0 ? findings : [ok(`${parts.join(", ")} accept their settings`)];
}

/** Configuration errors about one setting, with the programs that report them. */
export async function configurationErrorsAbout(
  setting: SettingName,
  context: DoctorContext,
  effects: Effects,
): Promise<Finding[]> {
  const configurationErrors = await effects.configurationErrors().catch(() => []);
  return [...groupConfigurationErrors(configurationErrors)].filter(([, { name }]) =>
    name === setting
  )
    .map(([text, { readers }]) => fail(`${text} (${readers})`, fixFor(setting, context)));
}

interface Group {
  readonly name: SettingName | undefined;
  readonly readers: string;
}

/** One error is one finding, however many programs read the setting. */
function groupConfigurationErrors(
  configurationErrors: readonly ConfigurationError[],
): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const { part, message } of configurationErrors) {
    for (const { text, name } of readConfigurationErrors(message)) {
      const before = groups.get(text)?.readers;
      groups.set(text, { name, readers: before === undefined ? part : `${before}, ${part}` });
    }
  }
  return groups;
}

/** The parts of `Cannot start: A is missing; B: must be …` by setting. */
function readConfigurationErrors(
  message: string,
): { text: string; name: SettingName | undefined }[] {
  return message.replace(/^Cannot start: /, "").split("; ").map((text) => {
    const [word = ""] = /^[A-Z][A-Z0-9_]*/.exec(text) ?? [];
    return { text, name: settingNames.find((name) => name === word) };
  });
}

/** The source of a value decides how it is fixed. */
function fixFor(
  name: SettingName | undefined,
  { scope, variables, workspace }: DoctorContext,
): string {
  if (name === undefined) return "docs/deploy.md describes what each setting has to be";
  const isOfDev = scope === "dev" && (variables[name] ?? "") === "";
  if (isOfDev && name in stateFiles) {
    const file = Object.entries(stateFiles).find(([setting]) => setting === name)?.[1] ?? "";
    return `rm ${join(workspace, "keys", file)} and start dev again, which makes a new one`;
  }
  if (isOfDev) return "deno task dev, which writes its settings anew";
  if (name in stateFiles && name !== "ADMIN_PASSWORD") {
    return `set ${name} to what deno task keys:new prints for it`;
  }
  if (name === "ISSUERS" || name === "ROUTES") {
    return `correct its rows: docs/reference.md describes every member of ${name}`;
  }
  const orElse = scope === "dev" ? ", or unset it: dev generates it" : "";
  return `set ${name} as docs/deploy.md describes${orElse}`;
}

/** Settings with keys, and the programs that read them. */
const readers = {
  PASSPORT_KEYS: allParts,
  ACCESS_TOKEN_KEYS: ["auth"],
} as const;

/** Key rings parse, have one key that signs, and no kid twice; key pairs match. */
export async function checkKeys(context: DoctorContext, effects: Effects): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const name of ["PASSPORT_KEYS", "ACCESS_TOKEN_KEYS"] as const) {
    const parts: readonly string[] = readers[name];
    if (!context.parts.some((part) => parts.includes(part))) continue;
    const configurationErrors = await configurationErrorsAbout(name, context, effects);
    findings.push(
      ...configurationErrors.length > 0 ? configurationErrors : [describe(name, context)],
    );
  }
  return findings;
}

/** Counts by state; a `kid` is not shown, because it stands beside a secret. */
function describe(
  name: keyof typeof readers,
  { scope, dev, settings, variables }: DoctorContext,
): Finding {
  if (scope === "dev" && dev.name === "never" && (variables[name] ?? "") === "") {
    return ok(`${name} is made by dev, once`);
  }
  const states = readStates(settings[name]);
  if (states === undefined) return warn(`${name} was not read`, "fix the settings above first");
  const signing = states.filter((state) => state === "signing").length;
  const counted = `${states.length} ${states.length === 1 ? "key" : "keys"}`;
  return ok(`${name} has ${counted}, ${signing} signing`);
}

function readStates(value: string): unknown[] | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    const keys: unknown = Array.isArray(parsed) ? parsed : Object(parsed).keys;
    return Array.isArray(keys) ? keys.map((key) => Object(key).state) : undefined;
  } catch {
    return undefined;
  }
}

/** Names that programs read and that dev does not set. */
const otherNames = ["HOST", "DRAIN_DELAY_MS"];

/** Standard OpenTelemetry names that no program here reads and that resemble ones that are read. */
const neighbours = new Set(["OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BLRP_MAX_QUEUE_SIZE"]);

/** Shorter names are words that any program may use, and each resembles many others. */
const minLength = 6;
/** Longer names may differ in two letters and still be meant. */
const longLength = 12;

const knownNames: readonly string[] = [...settingNames, ...otherNames];

/** No variable looks like a misspelt setting of ours: no program would ever read it. */
export function checkNames({ variables }: DoctorContext): Finding[] {
  const findings = Object.keys(variables).filter(isUnknown).flatMap((name): Finding[] => {
    const meant = findMeant(name);
    if (meant !== undefined) {
      return [warn(`nothing reads ${name}`, `unset ${name} and set ${meant}, if that is meant`)];
    }
    if (!name.startsWith("EDGEPASS_")) return [];
    return [warn(`nothing reads ${name}`, `unset ${name}; docs/deploy.md lists the settings`)];
  });
  return findings.length > 0 ? findings : [ok("no variable looks like a misspelt setting")];
}

function isUnknown(name: string): boolean {
  return !knownNames.includes(name) && !neighbours.has(name);
}

/** The setting that a name most resembles, if it resembles one at all. */
function findMeant(name: string): string | undefined {
  const upper = name.toUpperCase().replaceAll("-", "_");
  if (upper.length < minLength) return undefined;
  const limit = upper.length < longLength ? 1 : 2;
  const near = knownNames.filter(({ length }) => length >= minLength)
    .map((candidate) => ({ candidate, distance: distanceBetween(upper, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= limit ? near.candidate : undefined;
}
