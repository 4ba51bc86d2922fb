import { type Finding, ok, warn } from "./finding.ts";
import { configurationErrorsAbout } from "./settings.ts";
import type { DoctorContext, Effects } from "./context.ts";

/** Settings with keys, and the programs that read them. */
const readers = {
  PASSPORT_KEYS: ["gateway", "auth", "user", "course", "enrollment", "recommendation"],
  ACCESS_TOKEN_KEYS: ["auth"],
} as const;

/** Key rings parse, have one key that signs, and no kid twice; key pairs match. */
export async function checkKeys(
  doctorContext: DoctorContext,
  effects: Effects,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const name of ["PASSPORT_KEYS", "ACCESS_TOKEN_KEYS"] as const) {
    const parts: readonly string[] = readers[name];
    if (!doctorContext.parts.some((part) => parts.includes(part))) continue;
    const configurationErrors = await configurationErrorsAbout(name, doctorContext, effects);
    findings.push(
      ...configurationErrors.length > 0 ? configurationErrors : [describe(name, doctorContext)],
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
