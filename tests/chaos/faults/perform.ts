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

/** Faults of what stands behind a gateway. */
const cases = [
  ...redisCases,
  ...upstreamCases,
  ...clientCases,
  ...loadCases,
  ...resourceCases,
];
/** Faults within the whole product. */
const fixtureCases = [...serviceCases, ...fixtureResourceCases, ...restartCases, ...randomCases];

/** What to perform, and how strictly. */
export interface PerformOptions extends Pace {
  /** Ids of the matrix; all by default. */
  readonly only?: readonly string[];
  readonly isShort?: boolean;
  readonly revocationTimeoutMs: number;
  readonly say: (line: string) => void;
}

/** How it went. */
export interface Performed {
  readonly passed: number;
  readonly failed: number;
  /** Cases that this machine does not let be performed. */
  readonly skipped: number;
}

/** Performs one case after the other, and tells what was found, at the end in a table. */
export async function performCases(options: PerformOptions): Promise<Performed> {
  const stage = createStage(options);
  const parts = [() => performGateways(stage, options), () => performSchool(stage, options)];
  // Times that count are those of a machine that does nothing else.
  if (options.judgesTimes) { for (const part of parts) await part(); }
  else await Promise.all(parts.map((part) => part()));
  return stage.end();
}

type Stage = ReturnType<typeof createStage>;

async function performGateways(stage: Stage, options: PerformOptions): Promise<void> {
  const wanted = cases.filter(stage.isWanted);
  if (wanted.length === 0) return;
  await using environment = await startEnvironment(options);
  for (const one of wanted) {
    await stage.perform(
      one,
      (judge) => one.run(environment, judge, options),
      () => environment.heal(),
    );
  }
}

async function performSchool(stage: Stage, options: PerformOptions): Promise<void> {
  const wanted = fixtureCases.filter(stage.isWanted);
  if (wanted.length === 0) return;
  const workspace = await Deno.makeTempDir({ prefix: "edgepass-faults-" });
  try {
    await using fixture = await startFixture({ ...options, workspace });
    for (const one of wanted) {
      await stage.perform(one, (judge) => one.run(fixture, judge, options), () => fixture.heal());
    }
  } finally {
    await Deno.remove(workspace, { recursive: true });
  }
}

/** Tries of a case in which nothing but times is wrong: what else the machine does only adds. */
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

function createStage({ only, isShort = false, judgesTimes, say }: PerformOptions) {
  const rows: { readonly id: string; readonly what: string; readonly outcome: Outcome }[] = [];
  const count = (wanted: Outcome) => rows.filter(({ outcome }) => outcome === wanted).length;
  return {
    isWanted: ({ id, isLong = false }: Pick<Case, "id" | "isLong">): boolean =>
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
      say(`${outcome.padEnd(8)}${id.padEnd(8)}${what}`);
      for (const { claim, figure, isHeld } of findings) {
        say(`       ${isHeld ? " " : "!"} ${claim}: ${figure}`);
      }
    },
    end(): Performed {
      say("");
      for (const { id, what, outcome } of rows) say(`${outcome.padEnd(8)}${id.padEnd(8)}${what}`);
      return { passed: count("passed"), failed: count("FAILED"), skipped: count("skipped") };
    },
  };
}

function outcomeOf(findings: readonly Finding[]): Outcome {
  if (findings.length === 0 || !findings.every(({ isHeld }) => isHeld)) return "FAILED";
  return findings.some(({ isSkipped }) => isSkipped) ? "skipped" : "passed";
}
