import { join } from "node:path";
import { type SettingName, settingNames } from "../../workspace/settings.ts";
import { fail, type Finding, ok } from "./finding.ts";
import { stateFiles } from "./read_context.ts";
import type { ConfigurationError, DoctorContext, Effects } from "./context.ts";

/** Settings whose configuration errors are findings about keys. */
const aboutKeys: readonly SettingName[] = ["ACCESS_TOKEN_KEYS", "PASSPORT_KEYS"];

/** Every program accepts the settings it reads, by the very schemas it reads them with. */
export async function checkSettings(
  doctorContext: DoctorContext,
  effects: Effects,
): Promise<Finding[]> {
  const { parts, refusal } = doctorContext;
  const own = refusal === undefined
    ? []
    : readConfigurationErrors(refusal).map(({ text, name }) =>
      fail(text, fixFor(name, doctorContext))
    );
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
    .map(([text, { name, readers }]) => fail(`${text} (${readers})`, fixFor(name, doctorContext)));
  const findings = [...own, ...others];
  return findings.length > 0 ? findings : [ok(`${parts.join(", ")} take their settings`)];
}

/** Configuration errors about one setting, with the programs that report them. */
export async function configurationErrorsAbout(
  setting: SettingName,
  doctorContext: DoctorContext,
  effects: Effects,
): Promise<Finding[]> {
  const configurationErrors = await effects.configurationErrors().catch(() => []);
  return [...groupConfigurationErrors(configurationErrors)].filter(([, { name }]) =>
    name === setting
  )
    .map(([text, { readers }]) => fail(`${text} (${readers})`, fixFor(setting, doctorContext)));
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
  const orElse = scope === "dev" ? ", or unset it and dev makes it up" : "";
  return `set ${name} as docs/deploy.md describes${orElse}`;
}
