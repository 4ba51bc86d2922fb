import { type Tally, wait } from "./load.ts";
import type { Fixture } from "./fixture.ts";
import type { Environment } from "./environment.ts";

/** A claim about a fault, and whether it held. */
export interface Finding {
  readonly claim: string;
  readonly figure: string;
  readonly isHeld: boolean;
  /** The case was skipped; `figure` has the reason. */
  readonly isSkipped?: boolean;
  /** The figure is a duration, which a busy machine increases. */
  readonly isTime?: boolean;
}

/** Records findings. */
export interface Judge {
  /** A claim that must hold on any machine. */
  check(claim: string, isHeld: boolean, figure?: string | number): void;
  /** A duration; always recorded, checked only where durations are. */
  within(claim: string, ms: number, atMostMs: number): void;
  /** The case cannot run on this machine. */
  skip(why: string): void;
  /** Only these responses, by `status code`, and every response belongs to its caller. */
  only(claim: string, tally: Tally, allowed: readonly string[]): void;
}

/** One row of the fault matrix. */
export interface Case {
  /** The row's id in the matrix. */
  readonly id: string;
  readonly what: string;
  /** Takes too long for a test. */
  readonly isLong?: boolean;
  run(environment: Environment, judge: Judge, pace: Pace): Promise<void>;
}

/** One row of the matrix that needs the whole product. */
export interface FixtureCase extends Omit<Case, "run"> {
  run(fixture: Fixture, judge: Judge, pace: Pace): Promise<void>;
}

/** Durations of the cases. */
export interface Pace {
  /** Duration of a fault in milliseconds. */
  readonly faultMs: number;
  /** Duration of a crowd in milliseconds. */
  readonly stayMs: number;
  /** Whether durations are checked; on a shared machine they mean little. */
  readonly judgesTimes: boolean;
  /** Duration of the random case in milliseconds, and its seed. */
  readonly randomMs: number;
  readonly seed: number;
}

/** Creates the judge of a case. */
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
    only(claim, { kinds, wrongIdentity, responses }, allowed) {
      const others = Object.keys(kinds).filter((kind) => !allowed.includes(kind));
      const figure = Object.entries(kinds).map(([kind, count]) => `${count} × ${kind}`).join(", ");
      const isHeld = responses.length > 0 && others.length === 0 && wrongIdentity === 0;
      findings.push({
        claim,
        isHeld,
        figure: figure + (wrongIdentity ? ` ${wrongIdentity} WRONG` : ""),
      });
    },
  };
}

/** Durations of the matching responses in milliseconds. */
export function times(
  { responses }: Tally,
  fits: (response: Tally["responses"][number]) => boolean = () => true,
): number[] {
  return responses.filter(fits).map(({ ms }) => ms);
}

/** Repeats a check until it is true and returns the milliseconds; `Infinity` after the limit. */
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
