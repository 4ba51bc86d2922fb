import { type Case, createJudge, type Finding, type Judge, type Pace } from "./case.ts";
import { clientCases } from "./cases_clients.ts";
import { loadCases } from "./cases_load.ts";
import { randomCases } from "./random.ts";
import { redisCases } from "./cases_redis.ts";
import { fixtureResourceCases, resourceCases } from "./cases_resources.ts";
import { restartCases } from "./cases_restarts.ts";
import { serviceCases } from "./cases_services.ts";
import { upstreamCases } from "./cases_upstream.ts";
import { startFixture } from "./fixture.ts";
import { startEnvironment } from "./environment.ts";

/** Faults of dependencies behind a gateway. */
const cases = [
  ...redisCases,
  ...upstreamCases,
  ...clientCases,
  ...loadCases,
  ...resourceCases,
];
/** Faults inside the whole product. */
const fixtureCases = [...serviceCases, ...fixtureResourceCases, ...restartCases, ...randomCases];

/** The cases to run, and how strictly. */
export interface PerformOptions extends Pace {
  /** Ids of the matrix; by default all. */
  readonly only?: readonly string[];
  readonly isShort?: boolean;
  readonly revocationTimeoutMs: number;
  readonly report: (line: string) => void;
}

/** The result of a run. */
export interface Performed {
  readonly passed: number;
  readonly failed: number;
  /** Cases that cannot run on this machine. */
  readonly skipped: number;
}

/** Runs one case after the other, and reports the findings, with a table at the end. */
export async function performCases(options: PerformOptions): Promise<Performed> {
  const stage = createStage(options);
  const parts = [() => performGateways(stage, options), () => performSchool(stage, options)];
  // Durations are only meaningful on an otherwise idle machine.
  if (options.judgesTimes) { for (const part of parts) await part(); }
  else await Promise.all(parts.map((part) => part()));
  return stage.end();
}

type Stage = ReturnType<typeof createStage>;

async function performGateways(stage: Stage, options: PerformOptions): Promise<void> {
  const selected = cases.filter(stage.isSelected);
  if (selected.length === 0) return;
  await using environment = await startEnvironment(options);
  for (const one of selected) {
    await stage.perform(
      one,
      (judge) => one.run(environment, judge, options),
      () => environment.heal(),
    );
  }
}

async function performSchool(stage: Stage, options: PerformOptions): Promise<void> {
  const selected = fixtureCases.filter(stage.isSelected);
  if (selected.length === 0) return;
  const workspace = await Deno.makeTempDir({ prefix: "edgepass-faults-" });
  try {
    await using fixture = await startFixture({ ...options, workspace });
    for (const one of selected) {
      await stage.perform(one, (judge) => one.run(fixture, judge, options), () => fixture.heal());
    }
  } finally {
    await Deno.remove(workspace, { recursive: true });
  }
}

/** Attempts for a case in which only durations are exceeded: other load only adds to them. */
const mostTries = 3;

async function performOnce(
  run: (judge: Judge) => Promise<void>,
  heal: () => Promise<void>,
  judgesTimes: boolean,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const judge = createJudge(findings, { judgesTimes });
  try {
    await run(judge);
    await heal();
  } catch (error) {
    judge.check("performed", false, error instanceof Error ? error.message : "failed");
  }
  return findings;
}

function isLate(findings: readonly Finding[]): boolean {
  const wrong = findings.filter(({ isHeld }) => !isHeld);
  return wrong.length > 0 && wrong.every(({ isTime = false }) => isTime);
}

type Outcome = "passed" | "FAILED" | "skipped";

function createStage({ only, isShort = false, judgesTimes, report }: PerformOptions) {
  const rows: { readonly id: string; readonly what: string; readonly outcome: Outcome }[] = [];
  const count = (selected: Outcome) => rows.filter(({ outcome }) => outcome === selected).length;
  return {
    isSelected: ({ id, isLong = false }: Pick<Case, "id" | "isLong">): boolean =>
      (only?.includes(id) ?? true) && !(isShort && isLong),
    async perform(
      { id, what }: Pick<Case, "id" | "what">,
      run: (judge: Judge) => Promise<void>,
      heal: () => Promise<void>,
    ): Promise<void> {
      let findings: readonly Finding[] = [];
      for (let tries = 0; tries < mostTries && (tries === 0 || isLate(findings)); tries++) {
        findings = await performOnce(run, heal, judgesTimes);
      }
      const outcome = outcomeOf(findings);
      rows.push({ id, what, outcome });
      report(`${outcome.padEnd(8)}${id.padEnd(8)}${what}`);
      for (const { claim, figure, isHeld } of findings) {
        report(`       ${isHeld ? " " : "!"} ${claim}: ${figure}`);
      }
    },
    end(): Performed {
      report("");
      for (const { id, what, outcome } of rows) {
        report(`${outcome.padEnd(8)}${id.padEnd(8)}${what}`);
      }
      return { passed: count("passed"), failed: count("FAILED"), skipped: count("skipped") };
    },
  };
}

function outcomeOf(findings: readonly Finding[]): Outcome {
  if (findings.length === 0 || !findings.every(({ isHeld }) => isHeld)) return "FAILED";
  return findings.some(({ isSkipped }) => isSkipped) ? "skipped" : "passed";
}
