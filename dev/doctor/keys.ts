import { type Finding, ok, warn } from "./finding.ts";
import { complaintsAbout } from "./settings.ts";
import type { Effects, Subject } from "./subject.ts";

/** Settings with keys, and the programs that read them. */
const readers = {
  PASSPORT_KEYS: ["gateway", "auth", "user", "course", "enrollment", "recommendation"],
  ACCESS_TOKEN_KEYS: ["auth"],
} as const;

/** Rings of keys parse, have one key that signs, and no kid twice; their halves match. */
export async function checkKeys(subject: Subject, effects: Effects): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const name of ["PASSPORT_KEYS", "ACCESS_TOKEN_KEYS"] as const) {
    const parts: readonly string[] = readers[name];
    if (!subject.parts.some((part) => parts.includes(part))) continue;
    const complaints = await complaintsAbout(name, subject, effects);
    findings.push(...complaints.length > 0 ? complaints : [describe(name, subject)]);
  }
  return findings;
}

/** Counts by state; a `kid` is not shown, for it stands beside a secret. */
function describe(
  name: keyof typeof readers,
  { scope, dev, settings, variables }: Subject,
): Finding {
  if (scope === "dev" && dev.name === "never" && (variables[name] ?? "") === "") {
    return ok(`${name} is made by dev, once`);
  }
  const states = readStates(settings[name]);
  if (states === undefined) return warn(`${name} was not read`, "mend the settings above first");
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
