import { statfsSync } from "node:fs";
import { type Part, parts as allParts } from "../environment.ts";
import { createPaint } from "../paint.ts";
import { projectRoot } from "../processes.ts";
import { StartError } from "../start_error.ts";
import { runChecks } from "./checks.ts";
import { askPrograms } from "./complaints.ts";
import { readSubject, type SubjectOptions } from "./read_subject.ts";
import { hasFailure, toJson, toText } from "./report.ts";
import type { Effects, Subject } from "./subject.ts";

const usage = `Usage: deno task doctor [--json] [--deployment] [--parts=${
  allParts.join(",")
}]` as const;

/**
 * Looks at everything and prints what it found; returns the exit code, 1 if something does not work.
 *
 * `--json` prints it for programs. `--deployment` looks at the environment of this process alone and
 * not at dev; `--parts` names the programs that run there, all of them unless told.
 *
 * @throws {StartError} for an unknown option
 */
export async function runDoctor(args: readonly string[]): Promise<number> {
  const { isJson, ...options } = readOptions(args);
  const subject = await readSubject(Deno.env.toObject(), options);
  using client = Deno.createHttpClient({ allowHost: true });
  const findings = await runChecks(subject, realEffects(subject, client));
  const paint = createPaint(!isJson && Deno.stdout.isTerminal() && !Deno.noColor);
  console.log(isJson ? toJson(findings) : toText(findings, paint));
  return hasFailure(findings) ? 1 : 0;
}

function readOptions(args: readonly string[]): SubjectOptions & { isJson: boolean } {
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

function realEffects(subject: Subject, client: Deno.HttpClient): Effects {
  let complaints: ReturnType<Effects["complaints"]> | undefined;
  return {
    now: Date.now,
    elapsed: () => performance.now(),
    ask: (url, { host, headers, ...init } = {}) =>
      fetch(url, {
        ...init,
        client,
        redirect: "manual",
        headers: { ...headers, ...(host === undefined ? {} : { host }) },
      }),
    complaints: () => complaints ??= askPrograms(subject),
    freeBytes: (path) => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    },
    denoVersion: Deno.version.deno,
    root: projectRoot,
  };
}
