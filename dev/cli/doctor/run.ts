import { statfsSync } from "node:fs";
import { type Part, parts as allParts } from "../../workspace/environment.ts";
import { createAnsi } from "../../terminal/ansi.ts";
import { projectRoot } from "../../run/processes.ts";
import { StartError } from "../../workspace/start_error.ts";
import { runChecks } from "./checks.ts";
import { validateInPrograms } from "./configuration_errors.ts";
import { type DoctorContextOptions, readDoctorContext } from "./read_context.ts";
import { hasFailure, toJson, toText } from "./report.ts";
import type { DoctorContext, Effects } from "./context.ts";

const usage = `Usage: deno task doctor [--json] [--deployment] [--parts=${
  allParts.join(",")
}]` as const;

/**
 * Runs every check and prints its findings; returns the exit code, 1 if something does not work.
 *
 * `--json` prints them for programs. `--deployment` checks only the environment of this process and
 * not dev; `--parts` names the programs that run there, by default all of them.
 *
 * @throws {StartError} for an unknown option
 */
export async function runDoctor(args: readonly string[]): Promise<number> {
  const { isJson, ...options } = readOptions(args);
  const doctorContext = await readDoctorContext(Deno.env.toObject(), options);
  using client = Deno.createHttpClient({ allowHost: true });
  const findings = await runChecks(doctorContext, realEffects(doctorContext, client));
  const ansi = createAnsi(!isJson && Deno.stdout.isTerminal() && !Deno.noColor);
  console.log(isJson ? toJson(findings) : toText(findings, ansi));
  return hasFailure(findings) ? 1 : 0;
}

function readOptions(args: readonly string[]): DoctorContextOptions & { isJson: boolean } {
  const [named, ...others] = args.filter((arg) => arg.startsWith("--parts="));
  const rest = args.filter((arg) => !arg.startsWith("--parts="));
  const isKnown = rest.every((arg) => arg === "--json" || arg === "--deployment");
  const parts = named === undefined ? allParts : readParts(named.slice("--parts=".length));
  if (!isKnown || others.length > 0 || parts === undefined) {
    throw new StartError(`unknown option. ${usage}`, { code: 2 });
  }
  const scope = rest.includes("--deployment") ? "deployment" : "dev";
  return { isJson: rest.includes("--json"), scope, parts };
}

function readParts(list: string): Part[] | undefined {
  const found = list.split(",").map((name) => allParts.find((part) => part === name));
  const parts = found.filter((part) => part !== undefined);
  return parts.length === found.length ? parts : undefined;
}

function realEffects(doctorContext: DoctorContext, client: Deno.HttpClient): Effects {
  let configurationErrors: ReturnType<Effects["configurationErrors"]> | undefined;
  return {
    now: Date.now,
    elapsed: () => performance.now(),
    request: (url, { host, headers, ...init } = {}) =>
      fetch(url, {
        ...init,
        client,
        redirect: "manual",
        headers: { ...headers, ...(host === undefined ? {} : { host }) },
      }),
    configurationErrors: () => configurationErrors ??= validateInPrograms(doctorContext),
    freeBytes: (path) => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    },
    denoVersion: Deno.version.deno,
    root: projectRoot,
  };
}
