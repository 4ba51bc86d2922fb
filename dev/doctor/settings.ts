import { join } from "node:path";
import { type SettingName, settingNames } from "../settings.ts";
import { fail, type Finding, ok } from "./finding.ts";
import { keptFiles } from "./read_subject.ts";
import type { Complaint, Effects, Subject } from "./subject.ts";

/** Settings whose complaints are findings about keys. */
const aboutKeys: readonly SettingName[] = ["ACCESS_TOKEN_KEYS", "PASSPORT_KEYS"];

/** Every program takes the settings it reads, by the very schemas it reads them with. */
export async function checkSettings(subject: Subject, effects: Effects): Promise<Finding[]> {
  const { parts, refusal } = subject;
  const own = refusal === undefined
    ? []
    : readComplaints(refusal).map(({ text, name }) => fail(text, mendOf(name, subject)));
  let complaints: readonly Complaint[];
  try {
    complaints = await effects.complaints();
  } catch (error) {
    const reason = error instanceof Error ? error.message : "they gave no answer";
    return [
      ...own,
      fail(`the programs cannot be asked: ${reason}`, "deno install, deno task check"),
    ];
  }
  const others = [...groupComplaints(complaints)]
    .filter(([, { name }]) => name === undefined || !aboutKeys.includes(name))
    .map(([text, { name, readers }]) => fail(`${text} (${readers})`, mendOf(name, subject)));
  const findings = [...own, ...others];
  return findings.length > 0 ? findings : [ok(`${parts.join(", ")} take their settings`)];
}

/** Complaints about one setting, with who complains. */
export async function complaintsAbout(
  setting: SettingName,
  subject: Subject,
  effects: Effects,
): Promise<Finding[]> {
  const complaints = await effects.complaints().catch(() => []);
  return [...groupComplaints(complaints)].filter(([, { name }]) => name === setting)
    .map(([text, { readers }]) => fail(`${text} (${readers})`, mendOf(setting, subject)));
}

interface Group {
  readonly name: SettingName | undefined;
  readonly readers: string;
}

/** One thing that is wrong is one finding, however many programs read it. */
function groupComplaints(complaints: readonly Complaint[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const { part, message } of complaints) {
    for (const { text, name } of readComplaints(message)) {
      const before = groups.get(text)?.readers;
      groups.set(text, { name, readers: before === undefined ? part : `${before}, ${part}` });
    }
  }
  return groups;
}

/** `Cannot start: A is missing; B: must be …` by what it is about. */
function readComplaints(message: string): { text: string; name: SettingName | undefined }[] {
  return message.replace(/^Cannot start: /, "").split("; ").map((text) => {
    const [word = ""] = /^[A-Z][A-Z0-9_]*/.exec(text) ?? [];
    return { text, name: settingNames.find((name) => name === word) };
  });
}

/** Where a value comes from decides what is to be done about it. */
function mendOf(name: SettingName | undefined, { scope, variables, home }: Subject): string {
  if (name === undefined) return "docs/deploy.md says what each setting has to be";
  const isOfDev = scope === "dev" && (variables[name] ?? "") === "";
  if (isOfDev && name in keptFiles) {
    const file = Object.entries(keptFiles).find(([kept]) => kept === name)?.[1] ?? "";
    return `rm ${join(home, "keys", file)} and start dev again, which makes a new one`;
  }
  if (isOfDev) return "deno task dev, which writes its settings anew";
  if (name in keptFiles && name !== "ADMIN_PASSWORD") {
    return `set ${name} to what deno task keys:new prints for it`;
  }
  const orElse = scope === "dev" ? ", or unset it and dev makes it up" : "";
  return `set ${name} as docs/deploy.md says${orElse}`;
}
