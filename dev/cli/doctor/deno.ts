import { requireDeno, testedVersions } from "../../workspace/version.ts";
import { fail, type Finding, ok, warn } from "./finding.ts";
import type { DoctorContext, Effects } from "./context.ts";

/** The Deno that runs this is new enough, and a version that the tests run on. */
export function checkDeno(_subject: DoctorContext, { denoVersion }: Effects): Finding[] {
  try {
    requireDeno(denoVersion);
    if (testedVersions.includes(denoVersion)) return [ok(`Deno ${denoVersion}`)];
    return [warn(
      `Deno ${denoVersion} is none of those that the tests run on: ${testedVersions.join(", ")}`,
      `deno upgrade ${testedVersions.at(-1)}`,
    )];
  } catch (error) {
    const reason = error instanceof Error ? error.message : "";
    return [fail(reason.replace(/^Cannot start: /, ""), "deno upgrade")];
  }
}
