import { type Tally, wait } from "./load.ts";
import type { Fixture } from "./fixture.ts";
import type { Environment } from "./environment.ts";

/** What is claimed of a fault, and whether it held. */
export interface Finding {
  readonly claim: string;
  readonly figure: string;
  readonly isHeld: boolean;
  /** It was not looked at, and here is why. */
  readonly isSkipped?: boolean;
  /** It is a time, to which a busy machine adds. */
  readonly isTime?: boolean;
}

/** Notes what was found. */
export interface Judge {
  /** Something that holds on any machine. */
  check(claim: string, isHeld: boolean, figure?: string | number): void;
  /** A time, which is noted always and judged only where times are. */
  within(claim: string, ms: number, atMostMs: number): void;
  /** It cannot be performed on this machine. */
  skip(why: string): void;
  /** Nothing but these answers, by `status code`, and nobody taken for somebody else. */
  only(claim: string, tally: Tally, allowed: readonly string[]): void;
}

/** One row of the fault matrix, performed. */
export interface Case {
  /** As the matrix has it. */
  readonly id: string;
  readonly what: string;
  /** Takes longer than a test may. */
  readonly isLong?: boolean;
  run(environment: Environment, judge: Judge, pace: Pace): Promise<void>;
}

/** One row of the matrix that takes the whole product. */
export interface FixtureCase extends Omit<Case, "run"> {
  run(fixture: Fixture, judge: Judge, pace: Pace): Promise<void>;
}

/** How long things go on. */
export interface Pace {
  /** Milliseconds of a fault. */
  readonly faultMs: number;
  /** Milliseconds that many people stay. */
  readonly stayMs: number;
  /** Whether times count; on a machine that others use they say little. */
  readonly judgesTimes: boolean;
  /** Milliseconds of everything at random, and what chooses it. */
  readonly randomMs: number;
  readonly seed: number;
}

/** Makes the judge of a case. */
export function createJudge(findings: Finding[], { judgesTimes }: { judgesTimes: boolean }): Judge {
  return {
    check: (claim, isHeld, figure = "") =>
      void findings.push({ claim, isHeld, figure: String(figure) }),
    within(claim, ms, atMostMs) {
      const figure = `${ms.toFixed(ms < 10 ? 1 : 0)} ms of ${Math.round(atMostMs)}`;
      findings.push({ claim, figure, isHeld: !judgesTimes || ms <= atMostMs, isTime: true });
    },
    skip: (why) =>
      void findings.push({ claim: "not here", figure: why, isHeld: true, isSkipped: true }),
    only(claim, { kinds, wrongIdentity, answers }, allowed) {
      const others = Object.keys(kinds).filter((kind) => !allowed.includes(kind));
      const figure = Object.entries(kinds).map(([kind, count]) => `${count} × ${kind}`).join(", ");
      const isHeld = answers.length > 0 && others.length === 0 && wrongIdentity === 0;
      findings.push({
        claim,
        isHeld,
        figure: figure + (wrongIdentity ? ` ${wrongIdentity} WRONG` : ""),
      });
    },
  };
}

/** Milliseconds of the answers that fit. */
export function times(
  { answers }: Tally,
  fits: (answer: Tally["answers"][number]) => boolean = () => true,
): number[] {
  return answers.filter(fits).map(({ ms }) => ms);
}

/** Asks until it fits, and tells how long that took; `Infinity` when it never did. */
export async function until(
  fits: () => Promise<boolean>,
  { everyMs = 25, mostMs = 15_000 } = {},
): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < mostMs) {
    if (await fits()) return performance.now() - startedAt;
    await wait(everyMs);
  }
  return Number.POSITIVE_INFINITY;
}
