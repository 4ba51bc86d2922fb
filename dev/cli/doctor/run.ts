import { statfsSync } from "node:fs";
import { type Part, parts as allParts } from "../../workspace/environment.ts";
import { type Ansi, createAnsi } from "../../terminal/text.ts";
import { projectRoot } from "../../workspace/workspace.ts";
import { StartError } from "../../workspace/start.ts";
import { validateInPrograms } from "./configuration_errors.ts";
import { type DoctorContextOptions, readDoctorContext } from "./read_context.ts";
import { type Check, type DoctorContext, type Effects, fail, type Finding } from "./context.ts";
import { checkClock, checkGateway } from "./gateway.ts";
import { askIssuers, checkIssuers } from "./issuers.ts";
import { checkDatabases } from "./databases.ts";
import { checkDeno, checkPackages, checkTools } from "./installation.ts";
import { checkFiles, checkPorts, checkWorkspace } from "./workspace.ts";
import { checkKeys, checkNames, checkSettings } from "./settings.ts";
import { checkRedis } from "./redis.ts";

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
  const context = await readDoctorContext(Deno.env.toObject(), options);
  using client = Deno.createHttpClient({ allowHost: true });
  const findings = await runChecks(context, realEffects(context, client));
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

function realEffects(context: DoctorContext, client: Deno.HttpClient): Effects {
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
    configurationErrors: () => configurationErrors ??= validateInPrograms(context),
    issuerReports: () => askIssuers(context),
    freeBytes: (path) => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    },
    denoVersion: Deno.version.deno,
    root: projectRoot,
  };
}

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
  issuers: checkIssuers,
  gateway: checkGateway,
  clock: checkClock,
  tools: checkTools,
} as const satisfies Readonly<Record<string, Check>>;

/** A finding and its check. */
export type Reported = Finding & { readonly check: string };

/** Runs one check after the other, so that none disturbs what another measures. */
export async function runChecks(
  context: DoctorContext,
  effects: Effects,
  table: Readonly<Record<string, Check>> = checks,
): Promise<Reported[]> {
  const reported: Reported[] = [];
  for (const [check, look] of Object.entries(table)) {
    for (const finding of await lookSafely(look, context, effects)) {
      reported.push({ check, ...finding });
    }
  }
  return reported;
}

/** A check that throws must not prevent the others. */
async function lookSafely(
  look: Check,
  context: DoctorContext,
  effects: Effects,
): Promise<readonly Finding[]> {
  try {
    return await look(context, effects);
  } catch (error) {
    const kind = error instanceof Error ? error.name : typeof error;
    return [fail(
      `could not be checked (${kind})`,
      "fix what fails above and run deno task doctor again",
    )];
  }
}

const colours = { ok: "green", warn: "yellow", fail: "red" } as const;
const nameWidth = 15;

/** One line per finding, and one with the counts. */
export function toText(findings: readonly Reported[], ansi: Ansi): string {
  const lines = findings.map((finding) => toLine(finding, ansi));
  const count = (state: Reported["state"]) =>
    `${findings.filter((finding) => finding.state === state).length} ${state}`;
  return [...lines, "", `${count("ok")}, ${count("warn")}, ${count("fail")}`].join("\n");
}

/** The findings for programs. */
export function toJson(findings: readonly Reported[]): string {
  return JSON.stringify({ ok: !hasFailure(findings), findings: findings.map(onWire) }, null, 2);
}

/** Programs that were written for 0.1.0 read a finding's fix under its old name. */
function onWire(finding: Reported) {
  if (finding.state === "ok") return finding;
  const { fix: mend, ...rest } = finding;
  return { ...rest, mend };
}

/** Whether something does not work. */
export function hasFailure(findings: readonly Reported[]): boolean {
  return findings.some(({ state }) => state === "fail");
}

function toLine(finding: Reported, ansi: Ansi): string {
  const { check, state, what } = finding;
  const fix = finding.state === "ok" ? "" : `${ansi("dim", " → ")}${finding.fix}`;
  const start = `${ansi(colours[state], state.padEnd(4))}  ${check.padEnd(nameWidth)}`;
  return `${start}${onOneLine(what)}${onOneLine(fix)}`;
}

/** A path may hold a line break; the report has one line per finding all the same. */
function onOneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- colours begin with ESC, which stays
  return text.replace(/[\x00-\x1a\x1c-\x1f\x7f]+/g, " ");
}
