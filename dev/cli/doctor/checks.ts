import { checkClock } from "./clock.ts";
import { checkDatabases } from "./databases.ts";
import { checkDeno } from "./deno.ts";
import type { Finding } from "./finding.ts";
import { fail } from "./finding.ts";
import { checkFiles } from "./files.ts";
import { checkGateway } from "./gateway.ts";
import { checkWorkspace } from "./workspace.ts";
import { checkKeys } from "./keys.ts";
import { checkNames } from "./names.ts";
import { checkPackages } from "./packages.ts";
import { checkPorts } from "./ports.ts";
import { checkRedis } from "./redis.ts";
import { checkSettings } from "./settings.ts";
import type { Check, DoctorContext, Effects } from "./context.ts";
import { checkTools } from "./tools.ts";

/** Every check, each after those that it depends on. */
export const checks = {
  deno: checkDeno,
  packages: checkPackages,
  home: checkWorkspace,
  names: checkNames,
  settings: checkSettings,
  keys: checkKeys,
  ports: checkPorts,
  databases: checkDatabases,
  files: checkFiles,
  redis: checkRedis,
  gateway: checkGateway,
  clock: checkClock,
  tools: checkTools,
} as const satisfies Readonly<Record<string, Check>>;

/** A finding and its check. */
export type Reported = Finding & { readonly check: string };

/** Runs one check after the other, so that none disturbs what another measures. */
export async function runChecks(
  doctorContext: DoctorContext,
  effects: Effects,
  table: Readonly<Record<string, Check>> = checks,
): Promise<Reported[]> {
  const reported: Reported[] = [];
  for (const [check, look] of Object.entries(table)) {
    for (const finding of await lookSafely(look, doctorContext, effects)) {
      reported.push({ check, ...finding });
    }
  }
  return reported;
}

/** A check that throws must not prevent the others. */
async function lookSafely(
  look: Check,
  doctorContext: DoctorContext,
  effects: Effects,
): Promise<readonly Finding[]> {
  try {
    return await look(doctorContext, effects);
  } catch (error) {
    const kind = error instanceof Error ? error.name : typeof error;
    return [fail(
      `could not be checked (${kind})`,
      "fix what fails above and run deno task doctor again",
    )];
  }
}
