import { type Case, createJudge, type Finding } from "./case.ts";
import { clientCases } from "./cases_clients.ts";
import { redisCases } from "./cases_redis.ts";
import { upstreamCases } from "./cases_upstream.ts";
import { startWorld, type World } from "./world.ts";

/** Every fault there is a case for. */
export const cases: readonly Case[] = [...redisCases, ...upstreamCases, ...clientCases];

/** What to perform, and how strictly. */
export interface PerformOptions {
  /** Ids of the matrix; all by default. */
  readonly only?: readonly string[];
  readonly isShort?: boolean;
  readonly faultMs: number;
  /** Whether times count; on a machine that others use they say little. */
  readonly judgesTimes: boolean;
  readonly revocationTimeoutMs: number;
  readonly say: (line: string) => void;
}

/** Performs one case after the other in one world, and tells what was found. */
export async function performCases(
  { only, isShort = false, faultMs, judgesTimes, revocationTimeoutMs, say }: PerformOptions,
): Promise<{ passed: number; failed: number }> {
  await using world = await startWorld({ revocationTimeoutMs });
  const results: { isHeld: boolean }[] = [];
  for (const one of cases) {
    if (only && !only.includes(one.id)) continue;
    if (isShort && one.isLong) continue;
    const findings = await perform(one, world, { faultMs, judgesTimes });
    const isHeld = findings.length > 0 && findings.every((finding) => finding.isHeld);
    results.push({ isHeld });
    say(`${isHeld ? "ok  " : "FAIL"} ${one.id.padEnd(7)} ${one.what}`);
    for (const { claim, figure, isHeld } of findings) {
      say(`     ${isHeld ? " " : "!"} ${claim}: ${figure}`);
    }
  }
  const passed = results.filter(({ isHeld }) => isHeld).length;
  return { passed, failed: results.length - passed };
}

async function perform(
  one: Case,
  world: World,
  { faultMs, judgesTimes }: { faultMs: number; judgesTimes: boolean },
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const judge = createJudge(findings, { judgesTimes });
  try {
    await one.run(world, judge, { faultMs });
    await world.heal();
  } catch (error) {
    judge.check("performed", false, error instanceof Error ? error.message : "failed");
  }
  return findings;
}
