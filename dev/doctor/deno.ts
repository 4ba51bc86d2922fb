import { requireDeno } from "../version.ts";
import { fail, type Finding, ok } from "./finding.ts";
import type { Effects, Subject } from "./subject.ts";

/** The Deno that runs this is new enough. */
export function checkDeno(_subject: Subject, { denoVersion }: Effects): Finding[] {
  try {
    requireDeno(denoVersion);
    return [ok(`Deno ${denoVersion}`)];
  } catch (error) {
    const reason = error instanceof Error ? error.message : "";
    return [fail(reason.replace(/^Cannot start: /, ""), "deno upgrade")];
  }
}
