import * as z from "zod/mini";
import { askProgram } from "./configuration_errors.ts";
import {
  type DoctorContext,
  type Effects,
  fail,
  type Finding,
  type IssuerReport,
  ok,
  warn,
} from "./context.ts";

/** What the gateway's own code finds when it asks an issuer for its keys. */
const Reports = z.array(z.union([
  z.object({ alias: z.string(), fault: z.string() }),
  z.object({
    alias: z.string(),
    usable: z.array(z.string()),
    missing: z.array(z.string()),
    dropped: z.string(),
  }),
]));

/** Asks the issuers in a process of its own, which reads them by the gateway's schema. */
export async function askIssuers(context: DoctorContext): Promise<readonly IssuerReport[]> {
  return z.parse(
    Reports,
    await askProgram(context, {
      file: "app/check_issuers_deno.ts",
      permissions: ["--allow-net", "--allow-env"],
      input: { ISSUERS: context.settings.ISSUERS },
    }),
  );
}

/**
 * Every issuer of `ISSUERS` can be asked for its keys from this machine, and has a usable key for
 * each algorithm of its row.
 */
export async function checkIssuers(
  { parts, settings: { ISSUERS } }: DoctorContext,
  { issuerReports }: Effects,
): Promise<Finding[]> {
  if (!parts.includes("gateway") || ISSUERS === "") return [];
  try {
    return (await issuerReports()).flatMap(toFindings);
  } catch {
    return [warn("they were not asked", "fix ISSUERS, which settings reports above")];
  }
}

function toFindings(report: IssuerReport): Finding[] {
  const { alias } = report;
  if ("fault" in report) {
    const fix = "check its iss, discovery, jwks and algorithms in ISSUERS, and the way to it";
    return [fail(`${alias}: ${report.fault}`, fix)];
  }
  const { usable, missing, dropped } = report;
  return [
    ok(`${alias} has keys for ${usable.join(", ")}${dropped && `; not used: ${dropped}`}`),
    ...missing.map((alg) =>
      warn(`${alias} has no key for ${alg}`, `take ${alg} out of its algorithms, if none will come`)
    ),
  ];
}
